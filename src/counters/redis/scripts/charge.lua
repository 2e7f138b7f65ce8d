-- One batch of charges, as one atomic step.
--
-- First the runs: each adds to, takes from or reads one counter, in order. Then the vectors: groups
-- that are made whole, or, when one of their charges would pass its limit, only in those that
-- would.
--
-- KEYS  the counter of each run, runs of one unit together; then of each charge of each vector.
-- ARGV  1        '' for exact windows, else the seconds added to each TTL (reference's keys)
--       2        sections S; then S pairs: seconds of the unit, runs of that unit
--       then     for each run its hits: above 0 added, below 0 given back, 0 read
--       then     vectors V; for each: charges M, then M triples: seconds of the unit, hits, limit
-- Reply integers: this server's clock in ms; for each run the count before it; for each charge of
--       each vector the count before it and after it. A negative one, -e, stands for the e-th of
--       the error texts that follow the integers: the counter is no counter (WRONGTYPE), or not
--       writable. Counts beyond 2^52 are sent as text: the client rounds integers near 2^53.
-- Cost  one TIME, one INCRBY per run, a PEXPIREAT for each new counter (EXPIRE for every charge
-- with
--       the reference's keys), and one PTTL. Bounded by the caller's charges per call.
--
-- Exact windows. A counter expires with its window, so a counter that is there belongs to the
-- current window. Redis still shows a key at the very ms it expires at, and deletes one at once
-- whose expiry is not ahead: the window's end, which is the next one's first ms, is the only time
-- to give that loses nothing. What is left over there is known by its TTL of 0, and deleted by hand
-- (for a few ms, since Redis 7.0 looks at its clock before the script does).
-- A counter without a TTL, or with one beyond its window, is not ours (an operator's SET, a
-- restored dump): one counter per call, chosen by the clock's microseconds, is checked and mended.

local COUNT_MAX = 9007199254740991
local LEFTOVER_MS = 3
local INTEGER_MAX = 4503599627370496
-- A counter is picked out of at least this many, so that small calls seldom pay for the check.
local MEND_AMONG_MIN = 16

local pcall, call, type, tonumber = redis.pcall, redis.call, type, tonumber
local time = call('TIME')
local micros = tonumber(time[2])
local now = tonumber(time[1]) * 1000 + math.floor(micros / 1000)
local isExact = ARGV[1] == ''
local reply, errors = { now }, {}

local function fail(failure)
  local text = failure.err or 'ERR unknown'
  for number = 1, #errors do
    if errors[number] == text then return -number end
  end
  errors[#errors + 1] = text
  return -#errors
end

local function answer(at, count)
  if count > INTEGER_MAX then count = string.format('%.0f', count) end
  reply[at] = count
end

-- What to give to Redis for a counter of a window of so many seconds.
local windows = {}
local function windowOf(seconds)
  local window = windows[seconds]
  if window == nil then
    local length = seconds * 1000
    local rest = length - now % length
    if isExact then
      window = { command = 'PEXPIREAT', at = string.format('%.0f', now + rest), length = length }
      window.hasLeftovers = length - rest < LEFTOVER_MS
    else
      window = { command = 'EXPIRE', at = string.format('%.0f', seconds + ARGV[1]) }
    end
    windows[seconds] = window
  end
  return window
end

local function stamp(key, window)
  call(window.command, key, window.at)
end

local function dropLeftover(key)
  if call('PTTL', key) == 0 then call('DEL', key) end
end

-- The count, 0 when absent, or a failure's negative number.
local function read(key)
  local value = pcall('GET', key)
  if not value then return 0 end
  if type(value) == 'table' then return fail(value) end
  if not string.find(value, '^%-?%d+$') then
    return fail({ err = 'ERR value is not an integer or out of range' })
  end
  return math.max(0, math.min(tonumber(value), COUNT_MAX))
end

-- An INCRBY that passed COUNT_MAX, or that met a negative value: puts right what it left behind.
local function mend(key, hits, window)
  local before = pcall('DECRBY', key, string.format('%.0f', hits))
  if type(before) == 'table' then return fail(before) end
  before = math.max(0, math.min(before, COUNT_MAX))
  call('SET', key, string.format('%.0f', math.min(before + hits, COUNT_MAX)))
  stamp(key, window)
  return before
end

-- Adds, and returns the count before.
local function add(key, hits, text, window)
  local after = pcall('INCRBY', key, text)
  if type(after) == 'table' then return fail(after) end
  if after > COUNT_MAX or after < hits then return mend(key, hits, window) end
  if after == hits or not isExact then stamp(key, window) end
  return after - hits
end

-- Gives back, never below 0, and returns the count before. An absent counter stays absent.
local function take(key, hits, window)
  local before = read(key)
  if before <= 0 then return before end
  local left = pcall('DECRBY', key, string.format('%.0f', math.min(before, hits)))
  if type(left) == 'table' then return fail(left) end
  if not isExact then stamp(key, window) end
  return before
end

local function mendTtl(key, window)
  local ttl = call('PTTL', key)
  if ttl == -1 or ttl > window.length then stamp(key, window) end
end

local sections = tonumber(ARGV[2])
local at = 2 + 2 * sections
local run = 0
local mended = isExact and 1 + micros % math.max(#KEYS, MEND_AMONG_MIN) or 0
for section = 1, sections do
  local window = windowOf(tonumber(ARGV[1 + 2 * section]))
  local hasLeftovers = window.hasLeftovers
  for _ = 1, tonumber(ARGV[2 + 2 * section]) do
    run = run + 1
    at = at + 1
    local key, text = KEYS[run], ARGV[at]
    local hits = tonumber(text)
    if hasLeftovers then dropLeftover(key) end
    if hits > 0 then
      answer(1 + run, add(key, hits, text, window))
    elseif hits < 0 then
      answer(1 + run, take(key, -hits, window))
    else
      answer(1 + run, read(key))
    end
    if run == mended then mendTtl(key, window) end
  end
end

-- A vector's charges, read: which of them would pass their limit, and whether one could not be
-- read.
local function readVector(first, charges)
  local over, isAnyOver, isBroken = {}, false, false
  for charge = 1, charges do
    local key, values = KEYS[first + charge], at + 3 * (charge - 1)
    if windowOf(tonumber(ARGV[values + 1])).hasLeftovers then dropLeftover(key) end
    local hits, count = tonumber(ARGV[values + 2]), read(key)
    local after = math.min(count + hits, COUNT_MAX)
    over[charge] = hits >= 0 and after > tonumber(ARGV[values + 3])
    isAnyOver = isAnyOver or over[charge]
    isBroken = isBroken or count < 0
  end
  return over, isAnyOver, isBroken
end

local function chargeVector(key, hits, text, window)
  local before = read(key)
  if hits < 0 then
    return take(key, -hits, window), math.max(0, before + hits)
  elseif hits > 0 then
    return add(key, hits, text, window), math.min(before + hits, COUNT_MAX)
  end
  return before, before
end

at = at + 1
local from, out = run, 1 + run
for _ = 1, tonumber(ARGV[at]) do
  at = at + 1
  local charges = tonumber(ARGV[at])
  local over, isAnyOver, isBroken = readVector(from, charges)
  for charge = 1, charges do
    local key, text = KEYS[from + charge], ARGV[at + 2]
    local hits = tonumber(text)
    local before, after
    if not isBroken and (hits < 0 or over[charge] or not isAnyOver) then
      before, after = chargeVector(key, hits, text, windowOf(tonumber(ARGV[at + 1])))
    else
      before = read(key)
      after = before
    end
    answer(out + 1, before)
    answer(out + 2, after)
    out = out + 2
    at = at + 3
  end
  from = from + charges
end

for number = 1, #errors do reply[out + number] = errors[number] end
return reply
