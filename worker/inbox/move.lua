-- Take items from the inbox into the hands of the one reader; what a dead reader held comes first.
-- KEYS  1 inbox  2 taking  3 reader    ARGV  1 reader  2 lease ms  3 at most
local reader = redis.call('GET', KEYS[3])
if reader and reader ~= ARGV[1] then return false end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
for _ = redis.call('LLEN', KEYS[2]) + 1, tonumber(ARGV[3]) do
  if not redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT') then break end
end
return redis.call('LRANGE', KEYS[2], 0, -1)
