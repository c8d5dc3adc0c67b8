-- A node is alive: its leases last on. Gives the ids that are no longer its own.
-- KEYS  1 leases    ARGV  1 lease ms  2 prefix  3… command id, claim, command id, claim, …
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lost = {}
for place = 3, #ARGV, 2 do
  if redis.call('HGET', ARGV[2] .. 'command:' .. ARGV[place], 'holder') == ARGV[place + 1] then
    redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[1]), ARGV[place])
  else
    lost[#lost + 1] = ARGV[place]
  end
end
return lost
