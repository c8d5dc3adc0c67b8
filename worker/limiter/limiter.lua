-- The limiter of one account: who may send the next request, and when. Every rule stands here and in twin.py,
-- line for line; a property test walks both through random histories.
--   window    at most `limit` grants in any 1 s + guard, both lanes together
--   pacing    bulk grants at least (1 s + guard) / limit apart
--   yield     bulk waits while an urgent waiter was refused; after `streak_max` urgent grants in a row a slot
--             is left for a waiting bulk
--   stop      after a throttled answer nobody sends for a while, then fewer per second
--   gate      while the API fails or the account is held, only probes pass, or nothing
-- All times are microseconds on Redis' own clock. A grant may lie up to `lead` in the future: the caller sleeps
-- the rest itself, so that the schedule does not drift by a round trip a slot.
-- What is limited are arrivals at the API, what is granted are departures. Delays up to the guard are paid for
-- by the guard; a request that took longer than that is reported when it is answered, and its grant is moved
-- (`late`): so the window holds for arrivals too, and one slow request costs its own slot a little, not all.
-- KEYS  1 state (a cmsgpack map)   2 grants (sorted set: number of the grant -> its time)
-- ARGV  1 operation   2 now, '' for Redis' clock (tests give it)   3… arguments of the operation

local SECOND = 1000000
local STALE = 250000        -- a waiter that is this late for its turn is taken for dead
local WAIT_MAX = SECOND     -- nobody sleeps longer: a release or a new limit is noticed within this
local GUARD_MIN, GUARD_MAX = 5000, 250000
local GUARD_KEPT = 3600 * SECOND  -- how long a throttled answer is remembered as too narrow a guard
local RECOVERY = 2 * SECOND -- the lowered limit rises a twentieth of the whole each
local FAILURES_MAX = 5      -- failures in a row that close the gate
local PROBE = { failing = { 2 * SECOND, 30 * SECOND }, account = { 5 * SECOND, 60 * SECOND } }

local operation = ARGV[1]
local time = redis.call('TIME')
local now = tonumber(ARGV[2]) or tonumber(time[1]) * SECOND + tonumber(time[2])

local packed = redis.call('GET', KEYS[1])
local s = packed and cmsgpack.unpack(packed)
  or { seen = now, failures = 0, streak = 0, cap = 0, granted = 0, urgent = {}, bulk = {} }
-- Nothing is remembered: a Redis that lost its memory may have granted a whole window a moment ago.
if not packed then s.fresh_until = now + SECOND + GUARD_MAX end

local function save() redis.call('SET', KEYS[1], cmsgpack.pack(s)) end

-- The clock went back (a failover, a correction): everything remembered moves with it, as if no time had passed.
if now < s.seen then
  local step = s.seen - now
  local times = 'fresh_until last bulk_at stop_until slow_at guard_until wide_at gate_since gate_until probe_at'
  for name in string.gmatch(times, '%S+') do s[name] = s[name] and s[name] - step end
  for client, told in pairs(s.urgent) do s.urgent[client] = told - step end
  for client, told in pairs(s.bulk) do s.bulk[client] = told - step end
  for _, number in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('ZINCRBY', KEYS[2], -step, number) end
  s.seen = now
  save() -- at once: an operation that writes nothing of its own would let the next one move it all again
end
s.seen = now

local function guard(start)
  local measured = s.jitter and 2 * s.jitter or start
  if s.guard_until and now < s.guard_until then measured = math.max(measured, s.guard_kept) end
  return math.max(GUARD_MIN, math.min(GUARD_MAX, math.floor(measured)))
end

-- A request is reported late from the guard on that it was granted with: the window keeps to the widest of those
-- that still count, although the guard has narrowed since.
local function widest(guarded)
  if not s.wide_at or now - s.wide_at >= SECOND + GUARD_MAX then
    s.wide, s.wide_before, s.wide_at = guarded, s.wide or 0, now
  end
  s.wide = math.max(s.wide, guarded)
  return math.max(s.wide, s.wide_before)
end

local function limit_now(configured)
  local limit = s.limit or configured
  if s.slow_limit then
    local step = math.max(1, math.floor(limit / 20))
    local risen = s.slow_limit + step * math.floor(math.max(0, now - s.slow_at) / RECOVERY)
    if risen < limit then return risen end
    s.slow_limit, s.slow_at = nil, nil
  end
  return limit
end

local function grant_at(place) -- the place-th newest grant, counted from 1
  return tonumber(redis.call('ZRANGE', KEYS[2], place - 1, place - 1, 'REV', 'WITHSCORES')[2])
end

local function close_gate(kind, reason, author, until_)
  s.gate, s.gate_reason, s.gate_author, s.gate_since, s.gate_until = kind, reason, author, now, until_
  s.probe_every = PROBE[kind] and PROBE[kind][1]
  s.probe_at = s.probe_every and now + s.probe_every
end

local function open_gate()
  s.gate, s.gate_reason, s.gate_author, s.gate_since, s.gate_until = nil, nil, nil, nil, nil
  s.probe_every, s.probe_at, s.failures = nil, nil, 0
end

-- How long requests take from grant to answer: the quickest is the road itself, the rest is jitter. The guard
-- narrows over some hundred answers, never by trying its luck.
local function measure(low, mean, start)
  if not low then return end
  s.quickest = math.min(low, s.quickest and s.quickest + (low - s.quickest) / 128 or low)
  local jitter = s.jitter or start / 2
  s.jitter = jitter + (mean - s.quickest - jitter) / 32
end

-- How many others wait before this client; a new one comes last.
local function before(lane, client)
  local mine, count = s[lane][client], 0
  for name, told in pairs(s[lane]) do
    if name ~= client and (not mine or told < mine or (told == mine and name < client)) then count = count + 1 end
  end
  return count
end

-- When it is this client's turn, given that the lane's first may send at `earliest`: waiters are told times apart
-- from each other, so that a slot is asked for about once, not once per waiter.
local function turn(lane, client, limit, window, earliest)
  local count = before(lane, client)
  if lane == 'urgent' then
    return math.max(earliest, (grant_at(math.max(1, limit - count)) or 0) + window)
  end
  return earliest + count * math.floor(window / limit)
end

local function refusal(wake, lead, cause)
  save()
  return { 0, math.max(1000, math.min(wake - now - math.floor(lead / 2), WAIT_MAX)), now, cause, 0, 0, 0, 0, 0, 0 }
end

-- lane, client, waiting here (1 = only this one), limit, guard at start, streak_max, lead, and what requests
-- took since the last call: the quickest, the mean ('' for none)
local function take(lane, client, waiting, configured, guard_start, streak_max, lead, low, mean)
  measure(low, mean, guard_start)
  local limit = limit_now(configured)
  local guarded = guard(guard_start)
  local window = SECOND + widest(guarded)
  local spacing, probe = math.floor(window / limit), 0
  s.cap = math.max(s.cap, s.limit or configured)
  for waiter, told in pairs(s.urgent) do s.urgent[waiter] = told + STALE >= now and told or nil end
  for waiter, told in pairs(s.bulk) do s.bulk[waiter] = told + STALE >= now and told or nil end

  if s.gate and s.gate_until and now >= s.gate_until then open_gate() end
  if s.gate then
    if not s.probe_at then return refusal(s.gate_until or now + WAIT_MAX, 0, s.gate) end
    if now < s.probe_at then return refusal(s.probe_at, 0, s.gate) end
    probe = 1
  end
  if s.fresh_until and now < s.fresh_until then return refusal(s.fresh_until, 0, 'fresh') end
  if s.stop_until and now < s.stop_until then return refusal(s.stop_until, 0, 'throttled') end

  local earliest, blocked = math.max(now, s.last or 0), false
  local oldest = grant_at(limit)
  if oldest then earliest = math.max(earliest, oldest + window) end
  local cause = 'window'
  if lane == 'bulk' then
    local paced = (s.bulk_at or 0) + spacing
    if paced > earliest then earliest, cause = paced, 'pacing' end
    if probe == 0 and next(s.urgent) and s.streak < streak_max then
      earliest, cause, blocked = math.max(earliest, now + spacing), 'yield', true
    end
  elseif s.streak >= streak_max and next(s.bulk) then
    local second = limit > 1 and grant_at(limit - 1)
    if limit == 1 then
      earliest, cause, blocked = math.max(earliest, now + spacing), 'yield', true
    elseif second and second + window > earliest then
      earliest, cause = second + window, 'yield'
    end
  end

  if blocked or earliest > now + lead then
    local wake = turn(lane, client, limit, window, earliest)
    s[lane][client] = wake
    return refusal(wake, lead, cause)
  end

  s.granted = s.granted + 1
  redis.call('ZADD', KEYS[2], earliest, s.granted)
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -s.cap - 1)
  s.last = earliest
  if lane == 'bulk' then
    s.bulk_at, s.streak = earliest, 0
  else
    s.streak = next(s.bulk) and s.streak + 1 or 0
  end
  if probe == 1 then
    s.probe_every = math.min(s.probe_every * 2, PROBE[s.gate][2])
    s.probe_at = now + s.probe_every
  end
  s[lane][client] = nil
  local next_wait = 0
  if waiting > 1 then
    local freed = grant_at(limit)
    local soonest = freed and math.max(now, freed + window) or now
    if lane == 'bulk' then soonest = math.max(soonest, earliest + spacing) end
    s[lane][client] = turn(lane, client, limit, window, soonest)
    next_wait = math.max(0, s[lane][client] - now - math.floor(lead / 2))
  end
  save()
  local watch = (s.failures > 0 or s.gate) and 1 or 0
  return { 1, earliest - now, now, '', probe, watch, next_wait, s.granted, guarded, math.floor(s.quickest or 0) }
end

-- fault ('' for an answer), retry after, probe (1 or 0), reason, guard at start, limit
local function report(fault, retry_after, probe, reason, guard_start, configured)
  if fault == 'throttle' then
    if not s.slow_at or now >= s.slow_at then
      s.slow_limit = math.max(1, math.floor(limit_now(configured) / 2))
    end
    s.stop_until = math.max(s.stop_until or 0, now + math.max(SECOND, retry_after))
    s.slow_at = s.stop_until
    s.guard_kept = math.min(GUARD_MAX, guard(guard_start) * 2)
    s.guard_until = now + GUARD_KEPT
    s.failures = 0
    if s.gate == 'failing' then open_gate() end
  elseif fault == 'server' or fault == 'network' then
    s.failures = s.failures + 1
    if not s.gate and s.failures >= FAILURES_MAX then close_gate('failing', reason, 'limiter') end
  elseif fault == 'account' then
    if not s.gate or s.gate == 'failing' then close_gate('account', reason, 'limiter') end
  else
    s.failures = 0
    if s.gate == 'failing' or (s.gate == 'account' and probe == 1) then open_gate() end
  end
end

-- limit, guard at start -> what is in force and why
local function look(configured, guard_start)
  local limit = limit_now(configured)
  local text = function(value) return value and tostring(value) or '' end
  local time = function(value) return value and string.format('%.0f', value) or '' end
  return {
    time(now), tostring(limit), text(s.limit), tostring(guard(guard_start)), time(s.stop_until), text(s.gate),
    text(s.gate_reason), text(s.gate_author), time(s.gate_since), time(s.gate_until), time(s.probe_at), text(s.slow_limit),
  }
end

local number = function(place) return tonumber(ARGV[place]) end
if operation == 'take' then
  return take(ARGV[3], ARGV[4], number(5), number(6), number(7), number(8), number(9), number(10), number(11))
elseif operation == 'look' then
  return look(number(3), number(4))
elseif operation == 'report' then
  report(ARGV[3], number(4), number(5), ARGV[6], number(7), number(8))
elseif operation == 'late' then -- number of the grant, by how much: it may have arrived that much later
  if redis.call('ZSCORE', KEYS[2], ARGV[3]) then redis.call('ZINCRBY', KEYS[2], ARGV[4], ARGV[3]) end
elseif operation == 'limit' then -- limit, '' for the configured one
  s.limit, s.slow_limit, s.slow_at = number(3), nil, nil
elseif operation == 'hold' then -- reason, author, until ('' for no end)
  close_gate('person', ARGV[3], ARGV[4], number(5))
elseif operation == 'release' then
  open_gate()
end
save()
return {}
