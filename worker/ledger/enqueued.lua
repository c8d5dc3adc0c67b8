-- The sweep's copies are with the broker: from now on only the queue has them, unless a node was quicker.
-- KEYS  1 leases    ARGV  1 prefix  2… command ids
for place = 2, #ARGV do
  if redis.call('HGET', ARGV[1] .. 'command:' .. ARGV[place], 'holder') == 'queue' then
    redis.call('ZREM', KEYS[1], ARGV[place])
  end
end
return 0
