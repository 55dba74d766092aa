import { BLANK_MARK, MARK_LENGTH, readMark, writeMark } from './mark';

describe('a mark', () => {
  it('is read as it was written', () => {
    const body = Buffer.from(`{"type":"x","data":{"mark":"${BLANK_MARK}","more":1}}`);
    writeMark(body, body.indexOf(BLANK_MARK), 42, 12_345_678);
    expect(body.toString()).toContain('"mark":"0042-12345678"');
    expect(readMark(body)).toEqual({ step: 42, sequence: 12_345_678 });
  });

  it('is not found where there is none, or only a part', () => {
    expect(readMark(Buffer.from('{"data":{}}'))).toBeUndefined();
    expect(readMark(Buffer.from('{"mark":"0042-123'))).toBeUndefined();
    expect(readMark(Buffer.from('{"mark":"0042-1234x678"}'))).toBeUndefined();
  });

  it('has the length that is reserved for it', () => {
    expect(BLANK_MARK).toHaveLength(MARK_LENGTH);
  });
});
