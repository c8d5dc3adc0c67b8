-- A command ends: outcome, event, job, batch and dead letter are written together, once. Gives the events that
-- are to be published: the one that stands (the first to settle wins), and the batch's last.
-- KEYS  1 leases  2 command  3 job  4 batch  5 events  6 dead  7 accepted
-- ARGV  1 command id  2 outcome  3 event  4 retention ms  5 '1' if the job is settled too  6 batch size, '' for none
--       7 events kept  8 dead letter, '' for none  9 lease ms  10 batch event, with @COUNTS@ for its counts
--       11 this command's claim on the job  12 payload
local stands = redis.call('HGET', KEYS[2], 'event')
if stands then
  if ARGV[6] ~= '' then
    local batch = redis.call('HMGET', KEYS[4], 'last', 'event')
    if batch[1] == ARGV[1] and batch[2] then return { stands, batch[2] } end
  end
  return { stands }
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[2], 'outcome', ARGV[2], 'event', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
-- Until `published` says so, a crash must bring the command back: it stays accepted, with a lease.
redis.call('HSETNX', KEYS[7], ARGV[1], ARGV[12])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[9]), ARGV[1])
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[7], '*', 'event', ARGV[3])
if ARGV[5] == '1' then
  redis.call('SET', KEYS[3], 's:' .. ARGV[1], 'PX', ARGV[4])
elseif redis.call('GET', KEYS[3]) == ARGV[11] then
  redis.call('DEL', KEYS[3])
end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[6], ARGV[1], ARGV[8]) end
if ARGV[6] == '' then return { ARGV[3] } end

redis.call('HSETNX', KEYS[4], 'size', ARGV[6])
redis.call('HINCRBY', KEYS[4], ARGV[2], 1)
local done = redis.call('HINCRBY', KEYS[4], 'done', 1)
if done ~= tonumber(redis.call('HGET', KEYS[4], 'size')) then return { ARGV[3] } end
local counts = {}
for _, outcome in ipairs({ 'cancelled', 'gone', 'refused', 'expired', 'aborted' }) do
  local count = redis.call('HGET', KEYS[4], outcome)
  if count then counts[#counts + 1] = '"' .. outcome .. '":' .. count end
end
local event = string.gsub(ARGV[10], '@COUNTS@', table.concat(counts, ','))
redis.call('HSET', KEYS[4], 'last', ARGV[1], 'event', event)
redis.call('PEXPIRE', KEYS[4], ARGV[4])
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[7], '*', 'event', event)
return { ARGV[3], event }
