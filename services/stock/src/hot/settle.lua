-- Ends the pending life of takes whose row MySQL has (mode 'booked': remembered for a minute or two, so that a repeated
-- request is recognised) or whose row MySQL refused because it has less than Redis showed (mode 'void'). Counts nothing, so
-- needs no lock.
--
-- KEYS: 1 pending, 2 booked (prefix)    ARGV: 1 mode, then request id and nonce, one pair per take
-- Answers OK, how many takes were not pending any more: Redis was emptied or put back meanwhile
local time = redis.call('TIME')
local booked = KEYS[2] .. ':' .. math.floor(time[1] / 60)
local missing = 0
for i = 2, #ARGV, 2 do
    local nonce = string.match(redis.call('HGET', KEYS[1], ARGV[i]) or '', '[^|]*$')
    if nonce == ARGV[i + 1] then
        redis.call('HDEL', KEYS[1], ARGV[i])
    else
        missing = missing + 1
    end
    if ARGV[1] == 'booked' then redis.call('SADD', booked, ARGV[i]) end
end
if ARGV[1] == 'booked' then redis.call('EXPIRE', booked, 150) end
return {'OK', string.format('%.0f', missing)}
