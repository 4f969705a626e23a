-- Sets the count to what MySQL says, or, without a count, takes it away until it is loaded again. Only under the lock.
--
-- KEYS: 1 lock, 2 available, 3 epoch, 4 name, 5 loaded    ARGV: 1 holder, 2 epoch, 3 name, 4 count (absent: unload)
-- Answers LOST_LOCK (nothing changed) or OK
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return {'LOST_LOCK'} end
if not ARGV[4] then
    redis.call('DEL', KEYS[2], KEYS[3])
    return {'OK'}
end
local time = redis.call('TIME')
redis.call('SET', KEYS[2], ARGV[4])
redis.call('SET', KEYS[3], ARGV[2])
redis.call('SET', KEYS[4], ARGV[3])
redis.call('SET', KEYS[5], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
-- As in put_back.lua.
redis.pcall('PUBLISH', 'mall:stock:back', string.sub(KEYS[1], 6))
return {'OK'}
