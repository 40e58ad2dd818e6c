// Mocks of upstreams for the tests of pages. What makes and plays an answer is not exported.
export { type EveryFaultOptions, everyFault, type FaultReport, type FaultVisit } from './every-fault.js';
export type { FaultPlace, Reply } from './faults.js';
export { type MockedUpstreams, mockUpstreams } from './mock-upstreams.js';
export type { Mock } from './mocks.js';
export { type RecordOptions, record } from './record.js';
export type { MockedRequest } from './request.js';
