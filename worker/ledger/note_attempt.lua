-- An attempt is about to be made: note it, unless the command is no longer ours. Repeating it changes nothing.
-- KEYS  1 leases  2 command    ARGV  1 claim  2 command id  3 attempt  4 uncertain before it  5 lease ms
local known = redis.call('HMGET', KEYS[2], 'holder', 'event')
if known[1] ~= ARGV[1] or known[2] then return 0 end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[2], 'attempts', ARGV[3], 'uncertain', ARGV[4] + 1)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[5]), ARGV[2])
return 1
