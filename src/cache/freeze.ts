// About how many bytes V8 takes, as measured with JSON of various shapes.
const OF_OBJECT = 32;
const OF_MEMBER = 8;
const OF_NUMBER = 8;
const OF_STRING = 16;

/**
 * Freezes data deeply, so that it can be given to everybody. Returns about how many bytes it takes; null where there is
 * something in it that freezing does not protect, such as bytes, dates, maps, instances of classes and functions. Then it must
 * not be shared. Data may be nested to any depth.
 *
 * @param isJson whether it comes from JSON's parser, and so is a tree of nothing but objects, lists and values
 */
export function freeze(data: unknown, isJson: boolean): number | null {
  if (!isObject(data)) return typeof data === 'function' ? null : sizeOf(data);
  try {
    const bytes = isJson ? freezeTree(data) : freezeGraph(data);
    return bytes === null ? null : Math.ceil(bytes);
  } catch {
    // A proxy may throw.
    return null;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function freezeTree(data: object): number {
  const left: object[] = [data];
  let bytes = 0;
  for (let object = left.pop(); object !== undefined; object = left.pop()) bytes += freezeOne(object, left);
  return bytes;
}

/** The same where objects may be of classes, may be there several times, and may be in themselves. */
function freezeGraph(data: object): number | null {
  const found = new Set<object>([data]);
  // What is added while the set is walked is walked too.
  for (const object of found) if (!isPlain(object, found)) return null;
  let bytes = 0;
  for (const object of found) bytes += freezeOne(object, []);
  return bytes;
}

/** Freezes an object, and adds the objects in it to those that are left. */
function freezeOne(object: object, left: object[]): number {
  Object.freeze(object);
  let bytes = OF_OBJECT;
  if (Array.isArray(object)) {
    for (const value of object) bytes += OF_MEMBER + follow(value, left);
  } else {
    for (const key in object) {
      bytes += OF_MEMBER + key.length / 4 + follow((object as Record<string, unknown>)[key], left);
    }
  }
  return bytes;
}

function follow(value: unknown, left: object[]): number {
  if (!isObject(value)) return sizeOf(value);
  left.push(value);
  return 0;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return OF_STRING + value.length;
  return typeof value === 'number' ? OF_NUMBER : 0;
}

/** Whether an object is as JSON makes it, though it may be of another realm: no class, no getters. Adds what is in it to `found`. */
function isPlain(object: object, found: Set<object>): boolean {
  if (!hasPlainPrototype(object)) return false;
  for (const key of Reflect.ownKeys(object)) {
    const property = Object.getOwnPropertyDescriptor(object, key);
    const isLength = key === 'length' && Array.isArray(object);
    if (typeof key === 'symbol' || property === undefined || !('value' in property)) return false;
    if (!(property.enumerable || isLength) || typeof property.value === 'function') return false;
    if (isObject(property.value)) found.add(property.value);
  }
  return true;
}

function hasPlainPrototype(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) return true;
  if (Array.isArray(object)) return Array.isArray(prototype);
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}
