-- Gives back takes that will never be booked: each only while it is pending under its own nonce, so never twice.
--
-- KEYS: 1 lock, 2 available, 3 pending, 4 takes (prefix)
-- ARGV: 1 holder ('' = only if nobody holds the lock), then request id and nonce, one pair per take
-- Answers LOCKED | LOST_LOCK (nothing changed) or OK, pieces given back. Begins with entry.lua.
if ARGV[1] == '' then
    if redis.call('EXISTS', KEYS[1]) == 1 then return {'LOCKED'} end
elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
    return {'LOST_LOCK'}
end
local back, found = take_out(KEYS[3], 2)
forget(KEYS[4], found)
-- A count that is not loaded is read from MySQL later, which never had these pieces taken.
if back > 0 and redis.call('EXISTS', KEYS[2]) == 1 then
    local before = redis.call('INCRBY', KEYS[2], string.format('%.0f', back)) - back
    -- Who believes that nothing is left is told. Nothing depends on it, so nothing fails when it can't be said.
    if before < 1 then redis.pcall('PUBLISH', 'mall:stock:back', string.sub(KEYS[1], 6)) end
end
return {'OK', string.format('%.0f', back)}
