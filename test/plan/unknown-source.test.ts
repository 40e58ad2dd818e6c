import { unknownSource } from '../../src/plan/unknown-source.js';

const upstreams = ['user', 'orders', 'weather'];

describe('the message of a variable that reads nothing known', () => {
  it('tells of {params.id} where {id} was written', () => {
    expect(unknownSource('id', { upstreams }, 'weather')).toBe(
      "'id' is not something that can be read here: for a parameter of the route write {params.id}; known are params, query, locals, user, orders",
    );
  });

  it.each([
    ['usr', 'user'],
    ['User', 'user'],
    ['order', 'orders'],
  ])('asks for %s whether %s was meant, and does not forget the parameter', (source, meant) => {
    expect(unknownSource(source, { upstreams }, 'weather')).toBe(
      `'${source}' is not something that can be read here: did you mean '${meant}'?`,
    );
  });

  it.each([
    ['parms', 'params'],
    ['Query', 'query'],
    ['local', 'locals'],
  ])('asks of %s only whether %s was meant', (source, meant) => {
    expect(unknownSource(source, { upstreams }, 'weather')).toBe(
      `'${source}' is not something that can be read here: did you mean '${meant}'?`,
    );
  });

  it('never names the upstream itself', () => {
    expect(unknownSource('wether', { upstreams }, 'weather')).not.toContain('weather');
    expect(unknownSource('id', { upstreams }, 'weather')).not.toContain('weather');
    expect(unknownSource('wether', { upstreams: ['weather'] }, 'weather')).toContain('known are params, query, locals');
  });

  it.each([
    ['req', 'the request is read as {params.id} and {?query.id}'],
    ['res', 'what res.locals has is read as {locals.id}'],
    ['cookies', 'put what you need into res.locals'],
    ['headers', '`forward`'],
  ])("says where what Express calls '%s' is", (source, hint) => {
    expect(unknownSource(source, { upstreams }, 'weather')).toContain(hint);
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('is an ordinary one for %s', (source) => {
    expect(unknownSource(source, { upstreams }, 'weather')).toContain(`write {params.${source}}`);
  });

  it('is short, however many upstreams there are and however long the names', () => {
    const many = Array.from({ length: 500 }, (_, index) => `upstream${index}${'x'.repeat(100)}`);
    const message = unknownSource('y'.repeat(100_000), { upstreams: many }, 'weather');
    expect(message).toMatch(/known are params, query, locals, upstream0x+…, .* and 495 more$/);
    expect(message.length).toBeLessThan(600);
  });
});
