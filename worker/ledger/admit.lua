-- A delivery of a command arrives at a node: whose is it, and is there anything left to do?
-- KEYS  1 accepted  2 leases  3 command  4 job  5 batch ('' key where there is none)
-- ARGV  1 claim  2 command id  3 lane  4 payload  5 lease ms  6 prefix  7 retention ms  8 batch size ('' for none)
--       9 again ms (how soon to look again where another command carries the job)  10 life of a batch ms
-- The claim is one delivery's own: a second copy of the message on the same node is told apart by it.
local claim, id, lane, payload, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local known = redis.call('HMGET', KEYS[3], 'event', 'holder', 'attempts', 'uncertain', 'lost')
if known[1] then
  if ARGV[8] ~= '' then
    local batch = redis.call('HMGET', KEYS[5], 'last', 'event')
    if batch[1] == id and batch[2] then return { 'known', known[1], batch[2] } end
  end
  return { 'known', known[1] }
end

local holder = known[2]
local ends = tonumber(redis.call('ZSCORE', KEYS[2], id) or 0)
-- 'queue' means that the sweep just enqueued it again: whoever comes first takes it.
if holder and holder ~= '' and holder ~= 'queue' and holder ~= claim and ends > now then
  return { 'elsewhere', 'command' }
end

local first = redis.call('HSETNX', KEYS[1], id, payload)
local kept = ''
if first == 0 then
  kept = redis.call('HGET', KEYS[1], id)
  if kept == payload then kept = '' end
end
local attempts, uncertain = tonumber(known[3] or 0), tonumber(known[4] or 0)

if ARGV[8] ~= '' then
  if redis.call('HSETNX', KEYS[5], 'size', ARGV[8]) == 1 then redis.call('PEXPIRE', KEYS[5], ARGV[10]) end
  if redis.call('HGET', KEYS[5], 'aborted_by') then
    redis.call('HSET', KEYS[3], 'holder', claim)
    redis.call('ZADD', KEYS[2], now + lease, id)
    return { 'aborted', kept, attempts, uncertain, 0 }
  end
end

local job = redis.call('GET', KEYS[4])
if job then
  local settled_by = string.match(job, '^s:(.*)$')
  if settled_by and settled_by ~= id then
    local event = redis.call('HGET', ARGV[6] .. 'command:' .. settled_by, 'event')
    if event then
      redis.call('HSET', KEYS[3], 'holder', claim)
      redis.call('ZADD', KEYS[2], now + lease, id)
      return { 'job', event }
    end
  end
  local other_lane, carried_by = string.match(job, '^r:(%a+):(.*)$')
  if carried_by and carried_by ~= id then
    local other_ends = tonumber(redis.call('ZSCORE', ARGV[6] .. 'leases:' .. other_lane, carried_by) or 0)
    if other_ends > now then
      redis.call('HSET', KEYS[3], 'holder', 'later', 'why', 'command ' .. carried_by .. ' carries the same job')
      redis.call('ZADD', KEYS[2], now + tonumber(ARGV[9]), id)
      return { 'elsewhere', 'job' }
    end
  end
end

redis.call('HSET', KEYS[3], 'holder', claim)
redis.call('ZADD', KEYS[2], now + lease, id)
redis.call('SET', KEYS[4], 'r:' .. lane .. ':' .. id, 'PX', ARGV[7])
return { 'admitted', kept, attempts, uncertain, tonumber(known[5] or 0) }
