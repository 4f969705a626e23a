-- Gives back takes that will never be booked: each only while it is pending under its own nonce, so never twice.
--
-- KEYS: 1 lock, 2 available, 3 pending
-- ARGV: 1 holder ('' = only if nobody holds the lock), then request id and nonce, one pair per take
-- Answers LOCKED | LOST_LOCK (nothing changed) or OK, pieces given back
if ARGV[1] == '' then
    if redis.call('EXISTS', KEYS[1]) == 1 then return {'LOCKED'} end
elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
    return {'LOST_LOCK'}
end
local back = 0
for i = 2, #ARGV, 2 do
    local quantity, nonce = string.match(redis.call('HGET', KEYS[3], ARGV[i]) or '', '^(%d+)|%d+|(.*)$')
    if nonce == ARGV[i + 1] then
        redis.call('HDEL', KEYS[3], ARGV[i])
        back = back + tonumber(quantity)
    end
end
-- A count that is not loaded is read from MySQL later, which never had these pieces taken.
if back > 0 and redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('INCRBY', KEYS[2], string.format('%.0f', back))
end
return {'OK', string.format('%.0f', back)}
