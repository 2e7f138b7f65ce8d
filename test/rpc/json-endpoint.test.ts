import { beforeEach, describe, expect, it } from 'vitest';
import { answerJson, type JsonAnswer } from '../../src/rpc/json-endpoint.ts';
import { DEFAULT_REQUEST_BOUNDS } from '../support/request-bounds.ts';
import { CallLedger } from './call-ledger.ts';
import { CountingDecider, THROWING, UNDECIDED, UNSENDABLE } from './counting-decider.ts';

let decider: CountingDecider;
let ledger: CallLedger;
beforeEach(() => {
  decider = new CountingDecider();
  ledger = new CallLedger();
});

const ask = (body: string): Promise<JsonAnswer> =>
  answerJson(body, { decider, bounds: DEFAULT_REQUEST_BOUNDS, observer: ledger });
const BAD_REQUEST = {
  status: 400,
  contentType: 'text/plain; charset=utf-8',
  body: 'Bad Request\n',
};
const decision = (code: string): string =>
  `{"overallCode":"${code}","statuses":[{"code":"${code}",` +
  '"currentLimit":{"requestsPerUnit":1,"unit":"HOUR"},"durationUntilReset":"58s"}]}';

describe('the JSON endpoint', () => {
  // Bodies and answers as recorded of the reference; its seconds until reset were hidden.
  it('answers as recorded: 200 within the limit, 429 beyond it', async () => {
    const body = '{"domain":"modes","descriptors":[{"entries":[{"key":"hard","value":"j"}]}]}';
    expect(await ask(body)).toEqual({
      status: 200,
      contentType: 'application/json',
      body: decision('OK'),
      reason: '',
    });
    expect(await ask(body)).toEqual({
      status: 429,
      contentType: 'application/json',
      body: decision('OVER_LIMIT'),
      reason: '',
    });
  });

  it('takes 64-bit numbers as text, as recorded', async () => {
    const answer = await ask(
      '{"domain":"modes","descriptors":[{"entries":[{"key":"hard","value":"k"}],"hitsAddend":"1"}]}',
    );
    expect(answer).toMatchObject({ status: 200, body: decision('OK') });
  });

  it.each([
    ['no JSON', '{bad', ''],
    ['an empty domain', '{"domain":""}', 'rate limit domain must not be empty'],
    ['an unknown field', '{"domain":"modes","nope":1}', 'nope'],
  ])('refuses %s as recorded', async (_name, body, reason) => {
    const answer = await ask(body);
    expect(answer).toMatchObject(BAD_REQUEST);
    expect(answer.reason).toContain(reason);
    expect(answer.reason).not.toBe('');
  });

  it.each([
    ['nothing', '', 0, 0],
    ['a list', '[]', 0, 0],
    ['a very deep body', '['.repeat(100_000), 0, 0],
    ['a service without limits', request('unloaded'), 1, 0],
    ['a store that cannot be reached', request('storeless'), 0, 1],
    ['a lone surrogate', '{"domain":"\\ud800","descriptors":[{}]}', 0, 0],
    ['an unknown override unit', request('d', '"limit":{"unit":"UNKNOWN"}'), 1, 0],
    ['a number of hits beyond 2^53', request('d', '"hitsAddend":"9007199254740992"'), 1, 0],
    ['too many descriptors', `{"domain":"d","descriptors":[${'{},'.repeat(256)}{}]}`, 1, 0],
    [
      'too many entries',
      `{"domain":"d","descriptors":[{},{"entries":[${'{},'.repeat(64)}{}]}]}`,
      1,
      0,
    ],
    ['descriptors that are no list', '{"domain":"d","descriptors":{"entries":[]}}', 0, 0],
    ['a domain beyond its bound', request('d'.repeat(1025)), 1, 0],
  ])('refuses %s', async (_name, body, serviceErrors, storeErrors) => {
    const answer = await ask(body);
    expect(answer).toMatchObject(BAD_REQUEST);
    expect(answer.reason).not.toBe('');
    expect([ledger.serviceErrors, ledger.storeErrors]).toEqual([serviceErrors, storeErrors]);
    expect(ledger.internalErrors).toEqual([]);
  });

  it('answers 500 with the decision when it is UNKNOWN', async () => {
    const answer = await ask(request(UNDECIDED));
    expect(answer).toMatchObject({ status: 500, contentType: 'application/json' });
    expect(answer.body).toContain('"statuses"');
  });

  it.each([THROWING, UNSENDABLE])('answers 500 to a defect behind it (%s)', async (domain) => {
    expect(await ask(request(domain))).toEqual({
      status: 500,
      contentType: 'text/plain; charset=utf-8',
      body: 'Internal Server Error\n',
      reason: 'internal error',
    });
    expect(ledger.internalErrors).toHaveLength(1);
  });
});

function request(domain: string, more = '"hitsAddend":"1"'): string {
  return `{"domain":"${domain}","descriptors":[{"entries":[{"key":"k","value":"v"}],${more}}]}`;
}
