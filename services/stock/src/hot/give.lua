-- Adds pieces that MySQL has already given back, unless the count was loaded anew since: then it may hold them already.
--
-- KEYS: 1 lock, 2 available, 3 epoch    ARGV: 1 holder ('' = only if nobody holds the lock), 2 epoch before, 3 pieces
-- Answers LOCKED | LOST_LOCK (nothing changed), STALE (nothing changed, load anew) or OK
if ARGV[1] == '' then
    if redis.call('EXISTS', KEYS[1]) == 1 then return {'LOCKED'} end
elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
    return {'LOST_LOCK'}
end
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then return {'STALE'} end
if redis.call('EXISTS', KEYS[2]) == 1 then
    -- As in put_back.lua.
    local before = redis.call('INCRBY', KEYS[2], ARGV[3]) - ARGV[3]
    if before < 1 then redis.pcall('PUBLISH', 'mall:stock:back', string.sub(KEYS[1], 6)) end
end
return {'OK'}
