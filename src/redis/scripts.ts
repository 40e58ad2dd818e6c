// What Redis does in one step. Keys of a script share a hash tag, so that a cluster takes it.

/** KEYS: lock. ARGV: token. */
export const unlockScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** Adds marks to the log, and drops the oldest where there are too many. KEYS: log, counter, floor, epoch. ARGV: channel, most, an epoch, marks. */
export const markScript = `
redis.call('SET', KEYS[4], ARGV[3], 'NX')
local number
for at = 4, #ARGV do
  number = redis.call('INCR', KEYS[2])
  redis.call('ZADD', KEYS[1], number, ARGV[at])
end
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
if over > 0 then
  redis.call('SET', KEYS[3], redis.call('ZRANGE', KEYS[1], over - 1, over - 1, 'WITHSCORES')[2])
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1)
end
redis.call('PUBLISH', ARGV[1], number)
return number`;

/**
 * Reads the log. Where the counter is behind what somebody has seen, Redis has gone back in time (an older snapshot, a replica
 * that lagged behind), and the log gets another epoch. KEYS: log, counter, floor, epoch. ARGV: an epoch, the epoch seen, the number seen.
 */
export const logScript = `
local epoch = redis.call('GET', KEYS[4])
local number = tonumber(redis.call('GET', KEYS[2]) or '0')
if not epoch or (epoch == ARGV[2] and number < tonumber(ARGV[3])) then
  epoch = ARGV[1]
  redis.call('SET', KEYS[4], epoch)
end
local from = '-inf'
if epoch == ARGV[2] then from = '(' .. ARGV[3] end
local marks = redis.call('ZRANGEBYSCORE', KEYS[1], from, '+inf', 'WITHSCORES')
return { epoch, number, redis.call('GET', KEYS[3]) or '0', marks }`;

/**
 * Counts a request, if there were fewer than so many in so many milliseconds; else says in how many there will be. Several rates
 * may be counted by one key, so what is kept is kept for the longest of them. KEYS: requests, longest. ARGV: id, most, milliseconds.
 */
export const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local most, per = tonumber(ARGV[2]), tonumber(ARGV[3])
local longest = math.max(per, tonumber(redis.call('GET', KEYS[2]) or '0'))
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - longest)
local since = '(' .. string.format('%.3f', now - per)
local count = redis.call('ZCOUNT', KEYS[1], since, '+inf')
if count >= most then
  local first = redis.call('ZRANGEBYSCORE', KEYS[1], since, '+inf', 'WITHSCORES', 'LIMIT', count - most, 1)
  return math.max(1, math.ceil(first[2] + per - now))
end
redis.call('ZADD', KEYS[1], string.format('%.3f', now), ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.ceil(longest))
redis.call('SET', KEYS[2], longest, 'PX', math.ceil(longest))
return 0`;
