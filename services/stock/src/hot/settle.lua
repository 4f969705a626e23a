-- Ends the pending life of takes. Counts nothing, so needs no lock.
--
-- KEYS: 1 pending, 2 takes (prefix)
-- ARGV: 1 mode, then
--   'whole'   nonce and how many takes, one pair per batch: MySQL has the rows of all takes of these batches
--   'booked'  request id and nonce, one pair per take, at least one: MySQL has their rows. Remembered anew for a minute or two, so
--             that a repeated request is recognised
--   'void'    the same pairs: MySQL refused their rows because it has less than Redis showed
-- Answers OK, how many takes were not pending any more: Redis was emptied or put back meanwhile. Begins with entry.lua.
local missing = 0
if ARGV[1] == 'whole' then
    for i = 2, #ARGV, 2 do
        if redis.call('HDEL', KEYS[1], ARGV[i]) == 0 then missing = missing + tonumber(ARGV[i + 1]) end
    end
    return {'OK', string.format('%.0f', missing)}
end
local _, found = take_out(KEYS[1], 2)
if ARGV[1] == 'booked' then
    local takes = KEYS[2] .. ':' .. math.floor(redis.call('TIME')[1] / 60)
    redis.call('HSET', takes, unpack(ARGV, 2))
    redis.call('EXPIRE', takes, 150)
else
    forget(KEYS[2], found)
end
return {'OK', string.format('%.0f', (#ARGV - 1) / 2 - #found)}
