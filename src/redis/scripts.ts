// What Redis does in one step. Keys of a script share a hash tag, so that a cluster takes it.

/** KEYS: lock. ARGV: token. */
export const unlockScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

// What both scripts of the log begin with. Each `mark` is a step with a name of its own: a machine that has seen step 7 can tell
// whether the step 7 of now is the same one. Where keys are missing (evicted, deleted), the log begins anew, with another epoch.
// KEYS: log, number, floor, epoch, steps. ARGV: an epoch.
const logStart = `
local function last(key)
  return tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or '0')
end
local function begin()
  redis.call('SET', KEYS[4], ARGV[1])
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[5])
  return ARGV[1], 0
end
local epoch = redis.call('GET', KEYS[4])
local number = tonumber(redis.call('GET', KEYS[2]) or '0')
if not epoch or last(KEYS[1]) ~= number or last(KEYS[5]) ~= number then epoch, number = begin() end
`;

/** Adds marks to the log, and drops the oldest where there are too many. ARGV: an epoch, step, channel, most, marks. */
export const markScript = `${logStart}
local most = tonumber(ARGV[4])
for at = 5, #ARGV do
  number = redis.call('INCR', KEYS[2])
  redis.call('ZADD', KEYS[1], number, ARGV[at])
end
redis.call('ZADD', KEYS[5], number, ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -(most + 1))
local over = redis.call('ZCARD', KEYS[1]) - most
if over > 0 then
  redis.call('SET', KEYS[3], redis.call('ZRANGE', KEYS[1], over - 1, over - 1, 'WITHSCORES')[2])
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1)
end
redis.call('PUBLISH', ARGV[3], number)
return number`;

/**
 * Reads the log. Where it has not got what somebody has seen, Redis has gone back in time (an older snapshot, a replica that
 * lagged behind), and the log begins anew. ARGV: an epoch, the epoch seen, the number seen, the step seen.
 */
export const logScript = `${logStart}
if epoch == ARGV[2] then
  local seen = tonumber(ARGV[3])
  local isOther = number < seen
  if not isOther and ARGV[4] ~= '' then isOther = tonumber(redis.call('ZSCORE', KEYS[5], ARGV[4]) or '-1') ~= seen end
  if isOther then epoch, number = begin() end
end
local from = '-inf'
if epoch == ARGV[2] then from = '(' .. ARGV[3] end
local marks = redis.call('ZRANGEBYSCORE', KEYS[1], from, '+inf', 'WITHSCORES')
local step = redis.call('ZRANGE', KEYS[5], -1, -1)[1] or ''
return { epoch, number, redis.call('GET', KEYS[3]) or '0', marks, step }`;

/**
 * Counts a request, if there were fewer than so many in so many milliseconds; else says in how many there will be. A slot stands
 * for `each` requests, by the time of the last of them. Several rates may be counted by one key: it remembers as many slots, and
 * for as long, as the largest of them needs. KEYS: slots, what is known of them. ARGV: id, most slots, milliseconds, each.
 */
export const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local slots, per, each = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local known = redis.call('HMGET', KEYS[2], 'longest', 'most', 'newest', 'room')
local longest = math.max(per, tonumber(known[1] or '0'))
local most = math.max(slots, tonumber(known[2] or '0'))
local room = tonumber(known[4] or '0')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - longest)
local since = '(' .. string.format('%.3f', now - per)
local others = redis.call('ZCOUNT', KEYS[1], since, '+inf')
local slot = ARGV[1]
if room > 0 then
  slot = known[3]
  if tonumber(redis.call('ZSCORE', KEYS[1], slot) or '-inf') > now - per then others = others - 1 end
end
if others >= slots then
  local first = redis.call('ZRANGEBYSCORE', KEYS[1], since, '+inf', 'WITHSCORES', 'LIMIT', others - slots, 1)
  return math.max(1, math.ceil(first[2] + per - now))
end
redis.call('ZADD', KEYS[1], string.format('%.3f', now), slot)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(most + 1))
room = (room > 0 and room or each) - 1
redis.call('HSET', KEYS[2], 'longest', longest, 'most', most, 'newest', slot, 'room', room)
redis.call('PEXPIRE', KEYS[1], math.ceil(longest))
redis.call('PEXPIRE', KEYS[2], math.ceil(longest))
return 0`;
