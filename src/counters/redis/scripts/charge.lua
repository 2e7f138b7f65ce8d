-- One batch of charges, as one atomic step.
--
-- First the runs: each adds to, takes from or reads one counter, in order. Then the vectors: groups
-- whose charges depend on one another, or that carry a request's id.
--
-- KEYS  the sequence of this client, if ARGV 2 is not ''; the counter of each run, runs of one unit
--       together; then for each vector the counter of each charge, and the request's id if it has
--       one.
-- ARGV  1        '' or the time in ms, by this server's clock, after which nothing is made
--       2        '' or the number of this call: greater than that of any call before
--       3        '' for exact windows, else the seconds added to each TTL (reference's keys)
--       4        sections S; then S pairs: seconds of the unit, runs of that unit
--       then     for each run its hits: above 0 added, below 0 given back, 0 read
--       then     vectors V; for each: charges M, policy (0 all, 1 only those over when one is over,
--                2 all or nothing, 3 give back what the id made), 1 when it has an id; then M triples:
--                seconds of the unit, hits, limit
-- Reply one string, a list of integers as MessagePack, which the client reads ten times as fast as
--       integers of the protocol; then error texts. The integers: this server's clock in ms; 0 when
--       the batch was made, 1 when it came too late, 2 when a later call was here first; the numbers
--       of the last MADE calls made, newest first, 0 for none. Only after a 0: for each run the count
--       before it; for each charge of each vector the count before it and after it. A negative one,
--       -e, stands for the e-th of the error texts: the counter is no counter (WRONGTYPE), or not
--       writable.
-- Cost  one TIME, a GET and a SET of the sequence, one INCRBY per run, a PEXPIREAT for each new
--       counter (EXPIRE for every charge with the reference's keys), and one PTTL. Bounded by the
--       caller's charges per call.
--
-- Sequence. A client whose connection is lost does not know whether its last calls were made. It
-- asks by its next call, whose reply tells; and since that call has a greater number, one that
-- still lingers in an old connection is refused from then on.
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
-- A counter is picked out of at least this many, so that small calls seldom pay for the check.
local MEND_AMONG_MIN = 16
-- Calls of this client that are remembered as made, and for how long after the last.
local MADE = 8
local SEQUENCE_SECONDS = 600
-- A request's id and what it read.
local REQUEST_MS = 60000

local pcall, call, type, tonumber = redis.pcall, redis.call, type, tonumber
local pack = cmsgpack.pack
local time = call('TIME')
local micros = tonumber(time[2])
local now = tonumber(time[1]) * 1000 + math.floor(micros / 1000)
local sequence = ARGV[2]
local isExact = ARGV[3] == ''
local reply, errors = { now, 0 }, {}

-- Why this call's number could not be written down. Then nothing is made: should the reply be lost,
-- the client would take the call for one that was not here, and make it again.
local unkept
local made = {}
local offset = sequence == '' and 0 or 1
if offset == 1 then
  for number in string.gmatch(call('GET', KEYS[1]) or '', '%d+') do
    if #made < MADE then made[#made + 1] = number end
  end
end
for number = 1, MADE do reply[2 + number] = tonumber(made[number] or 0) end
if ARGV[1] ~= '' and now > tonumber(ARGV[1]) then
  reply[2] = 1
  return { pack(reply) }
end
if offset == 1 then
  if tonumber(sequence) <= reply[3] then
    reply[2] = 2
    return { pack(reply) }
  end
  table.insert(made, 1, sequence)
  local text = table.concat(made, ' ', 1, math.min(#made, MADE))
  local kept = pcall('SET', KEYS[1], text, 'EX', SEQUENCE_SECONDS)
  if kept.err then unkept = kept end
end
local first = 2 + MADE

local function fail(failure)
  local text = failure.err or 'ERR unknown'
  for number = 1, #errors do
    if errors[number] == text then return -number end
  end
  errors[#errors + 1] = text
  return -#errors
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
      window = { command = 'EXPIRE', at = string.format('%.0f', seconds + ARGV[3]) }
    end
    window.start = now - now % length
    windows[seconds] = window
  end
  return window
end

-- Nil, or why the counter has no end.
local function stamp(key, window)
  local failure = pcall(window.command, key, window.at)
  if type(failure) == 'table' then return failure end
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
  local failure = stamp(key, window)
  return failure and fail(failure) or before
end

-- A counter without an end would stay over its limit for ever: what was added is taken back.
local function unmake(key, hits, after)
  if after > hits or type(pcall('DEL', key)) == 'table' then
    pcall('DECRBY', key, string.format('%.0f', hits))
  end
end

-- Adds, and returns the count before.
local function add(key, hits, text, window)
  if unkept then return fail(unkept) end
  local after = pcall('INCRBY', key, text)
  if type(after) == 'table' then return fail(after) end
  if after > COUNT_MAX or after < hits then return mend(key, hits, window) end
  if after == hits or not isExact then
    local failure = stamp(key, window)
    if failure then
      unmake(key, hits, after)
      return fail(failure)
    end
  end
  return after - hits
end

-- Gives back, never below 0, and returns the count before. An absent counter stays absent.
local function take(key, hits, window)
  local before = read(key)
  if before <= 0 then return before end
  if unkept then return fail(unkept) end
  local left = pcall('DECRBY', key, string.format('%.0f', math.min(before, hits)))
  if type(left) == 'table' then return fail(left) end
  if not isExact then stamp(key, window) end
  return before
end

local function mendTtl(key, window)
  local ttl = call('PTTL', key)
  if ttl == -1 or ttl > window.length then stamp(key, window) end
end

local sections = tonumber(ARGV[4])
local at = 4 + 2 * sections
local run = 0
local mended = isExact and 1 + micros % math.max(#KEYS, MEND_AMONG_MIN) or 0
for section = 1, sections do
  local window = windowOf(tonumber(ARGV[3 + 2 * section]))
  local hasLeftovers = window.hasLeftovers
  for _ = 1, tonumber(ARGV[4 + 2 * section]) do
    run = run + 1
    at = at + 1
    local key, text = KEYS[offset + run], ARGV[at]
    local hits = tonumber(text)
    if hasLeftovers then dropLeftover(key) end
    if hits > 0 then
      reply[first + run] = add(key, hits, text, window)
    elseif hits < 0 then
      reply[first + run] = take(key, -hits, window)
    else
      reply[first + run] = read(key)
    end
    if run == mended then mendTtl(key, window) end
  end
end

-- A vector's charges, read: the count that each would make, which of them pass their limit, whether
-- any does, and whether one could not be read. `adds` counts charges of one counter together.
local function readVector(from, charges, adds)
  local counts, would, over, isAnyOver, isBroken = {}, {}, {}, false, false
  for charge = 1, charges do
    local key, values = KEYS[from + charge], at + 3 * (charge - 1)
    if windowOf(tonumber(ARGV[values + 1])).hasLeftovers then dropLeftover(key) end
    local hits, count = tonumber(ARGV[values + 2]), adds and counts[key] or read(key)
    local after = math.max(0, math.min(count + hits, COUNT_MAX))
    counts[key] = after
    would[charge] = after
    over[charge] = hits >= 0 and after > tonumber(ARGV[values + 3])
    isAnyOver = isAnyOver or over[charge]
    isBroken = isBroken or count < 0
  end
  return would, over, isAnyOver, isBroken
end

local function chargeOne(key, hits, text, window)
  local before = read(key)
  if hits < 0 then
    return take(key, -hits, window), math.max(0, before + hits)
  elseif hits > 0 then
    return add(key, hits, text, window), math.min(before + hits, COUNT_MAX)
  end
  return before, before
end

local ALL, STOP_WHEN_OVER, GIVE_BACK = 0, 1, 3

-- Makes a vector's charges and gives what each read, before and after in turn.
local function chargeVector(from, charges, policy)
  local would, over, isAnyOver, isBroken = readVector(from, charges, policy > STOP_WHEN_OVER)
  local readings = {}
  for charge = 1, charges do
    local key, text = KEYS[from + charge], ARGV[at + 3 * (charge - 1) + 2]
    local window = windowOf(tonumber(ARGV[at + 3 * (charge - 1) + 1]))
    local hits, before, after = tonumber(text)
    local isMade = hits < 0 or policy == ALL or not isAnyOver
    if policy == STOP_WHEN_OVER and over[charge] then isMade = true end
    if isMade and not isBroken then
      before, after = chargeOne(key, hits, text, window)
    else
      before = read(key)
      after = before
      if over[charge] and before >= 0 then after = would[charge] end
    end
    readings[2 * charge - 1], readings[2 * charge] = before, after
  end
  return readings, isBroken
end

-- What the request read before, and when; or nil.
local function recall(key, charges)
  local kept, readings = pcall('GET', key), {}
  if type(kept) ~= 'string' then return nil end
  for number in string.gmatch(kept, '%d+') do
    readings[#readings + 1] = tonumber(number)
  end
  if #readings ~= 2 * charges + 1 then return nil end
  local madeAt = table.remove(readings, 1)
  return readings, madeAt
end

-- Gives back what was made at that time in windows that still last; without a time only reads.
local function giveBack(from, charges, madeAt)
  local readings = {}
  for charge = 1, charges do
    local key, values = KEYS[from + charge], at + 3 * (charge - 1)
    local window, hits = windowOf(tonumber(ARGV[values + 1])), tonumber(ARGV[values + 2])
    if window.hasLeftovers then dropLeftover(key) end
    local before = read(key)
    local after = before
    if madeAt and madeAt >= window.start and before > 0 and hits < 0 then
      before = take(key, -hits, window)
      after = math.max(0, before + hits)
    end
    readings[2 * charge - 1], readings[2 * charge] = before, after
  end
  return readings
end

local function remember(key, readings)
  local texts = { string.format('%.0f', now) }
  for index = 1, #readings do texts[index + 1] = string.format('%.0f', readings[index]) end
  pcall('SET', key, table.concat(texts, ' '), 'PX', REQUEST_MS)
end

at = at + 1
local from, out = offset + run, first + run
for _ = 1, tonumber(ARGV[at]) do
  local charges, policy, hasId = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3] == '1'
  at = at + 3
  local request = KEYS[from + charges + 1]
  local readings, madeAt
  if hasId then readings, madeAt = recall(request, charges) end
  if policy == GIVE_BACK then
    if madeAt then pcall('DEL', request) end
    readings = giveBack(from, charges, madeAt)
  elseif not readings then
    local isBroken
    readings, isBroken = chargeVector(from, charges, policy)
    if hasId and not isBroken then remember(request, readings) end
  end
  for index = 1, 2 * charges do reply[out + index] = readings[index] end
  out = out + 2 * charges
  at = at + 3 * charges
  from = from + charges + (hasId and 1 or 0)
end

-- Not by unpack, which has a bound of its own.
local answer = { pack(reply) }
for number = 1, #errors do answer[1 + number] = errors[number] end
return answer
