-- Which commands are due, or lost their node: they are to be enqueued again. Each stays leased to the sweep for a
-- while, so that a sweep that dies in the middle loses nothing, and two sweeps do not enqueue the same.
-- KEYS  1 accepted  2 leases    ARGV  1 at most  2 lease ms  3 prefix
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local payload = redis.call('HGET', KEYS[1], id)
  if payload then
    local command = ARGV[3] .. 'command:' .. id
    local holder = redis.call('HGET', command, 'holder')
    if holder and holder ~= 'later' and holder ~= 'queue' then redis.call('HINCRBY', command, 'lost', 1) end
    redis.call('HSET', command, 'holder', 'queue')
    redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), id)
    found[#found + 1] = id
    found[#found + 1] = payload
  else
    redis.call('ZREM', KEYS[2], id) -- done already
  end
end
return found
