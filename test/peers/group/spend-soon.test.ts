/** What a leader says when it is asked to decide. */
import { afterEach, expect, it } from 'vitest';
import type { Quota } from '../../../src/core/quota/quota.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { GroupRig, type Member, SOON_MS } from '../support/group-rig.ts';

const FEW: Quota = { kind: 'count', limit: 100, unit: Unit.DAY };
const { ADMITTED, OVER, SHORT } = SpendResult;

let rig: GroupRig | null = null;
afterEach(async () => {
  await rig?.stop();
  rig = null;
});

async function alone(): Promise<Member> {
  rig = new GroupRig();
  return rig.add({ nodeId: 'one' });
}

const decide = (member: Member, hits: number, least = hits, resource = 'a') =>
  member.group.lessee.decide({ resource, quota: FEW, hits, least }, SOON_MS);

it('waits for its own share, and gives as much of what is asked for as there is', async () => {
  const member = await alone();
  expect(await decide(member, 30)).toMatchObject({ result: ADMITTED, admitted: 30 });
  const word = await decide(member, 1000, 10);
  expect(word?.result).toBe(ADMITTED);
  expect(word?.admitted).toBeGreaterThanOrEqual(10);
  expect(word?.admitted).toBeLessThanOrEqual(70);
  let sum = 30 + (word?.admitted ?? 0);
  for (let tries = 0; tries < 70 && sum < 100; tries += 1) {
    sum += (await decide(member, 1000, 1))?.admitted ?? 0;
  }
  expect(sum).toBe(100);
  expect(await decide(member, 1)).toMatchObject({ result: OVER, admitted: 0 });
});

it('refuses a piece that is larger than all that is left, and gives smaller ones', async () => {
  const member = await alone();
  expect(await decide(member, 60)).toMatchObject({ result: ADMITTED });
  expect(await decide(member, 50)).toMatchObject({ result: OVER });
  expect(await decide(member, 40)).toMatchObject({ result: ADMITTED });
});

it('cannot say what it cannot track, nor before its share has come', async () => {
  const member = await alone();
  const long = 'k'.repeat(600);
  expect(await decide(member, 1, 1, long)).toMatchObject({ result: SHORT, admitted: 0 });
  const { lessee } = member.group;
  const soon = await lessee.decide({ resource: 'b', quota: FEW, hits: 1, least: 1 }, 0);
  expect(soon).toBe(null);
});

it('says nothing to who waits for an answer that does not come', async () => {
  const member = await alone();
  expect(await member.group.lessee.answered(0)).toBe(false);
  expect(await member.group.lessee.answered(5)).toBe(false);
  const many = Array.from({ length: 1030 }, () => member.group.lessee.answered(20));
  expect((await Promise.all(many)).every((isAnswered) => !isAnswered)).toBe(true);
});
