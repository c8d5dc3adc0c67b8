-- A command leaves this node unsettled: kept until it is due ('later'), or handed back at once ('queue').
-- KEYS  1 leases  2 command  3 job
-- ARGV  1 claim  2 command id  3 delay ms, '' to hand back  4 why  5 attempts  6 uncertain  7 claim on the job
local known = redis.call('HMGET', KEYS[2], 'holder', 'event')
if known[1] ~= ARGV[1] or known[2] then return 0 end
if redis.call('GET', KEYS[3]) == ARGV[7] then redis.call('DEL', KEYS[3]) end
if ARGV[3] == '' then
  redis.call('HSET', KEYS[2], 'holder', 'queue')
  redis.call('ZREM', KEYS[1], ARGV[2])
  return 1
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[2], 'holder', 'later', 'why', ARGV[4], 'attempts', ARGV[5], 'uncertain', ARGV[6])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[2])
return 1
