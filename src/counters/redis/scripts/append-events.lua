-- Events appended to a stream, in order, as one step.
--
-- KEYS  the stream; the fence: the highest term in which a leader wrote.
-- ARGV  1        about how many entries the stream keeps
--       2        entries N
--       then     for each: the term of the leader that says it, or '' for none; its values V (fields
--                and values in turn); V values
-- Reply integer: how many were not written, because a leader of a later term has written.
-- Cost  one XADD per entry; a GET, and a SET in a new term, where a leader speaks.
--
-- The fence outlives the stream's entries: a leader that was cut off for a day must not write either.
-- Terms are whole numbers far below 2^53. A fence that is no number is mended by the next leader.

local maxLength, count = ARGV[1], tonumber(ARGV[2])
local fence
local refused = 0
local at = 2

for _ = 1, count do
  local term, values = ARGV[at + 1], tonumber(ARGV[at + 2])
  local isRefused = false
  if term ~= '' then
    fence = fence or tonumber(redis.call('GET', KEYS[2]) or 0) or 0
    local number = tonumber(term)
    if number < fence then
      isRefused = true
      refused = refused + 1
    elseif number > fence then
      fence = number
      redis.call('SET', KEYS[2], term)
    end
  end
  if not isRefused then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', maxLength, '*', unpack(ARGV, at + 3, at + 2 + values))
  end
  at = at + 2 + values
end

return refused
