/** Whether tests are to take the time that a soak takes: MASHUP_SOAK=1 npm test */
export const isSoak = process.env['MASHUP_SOAK'] === '1';
