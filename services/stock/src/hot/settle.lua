-- Ends the pending life of takes whose row MySQL has (mode 'booked': remembered for a minute or two, so that a repeated
-- request is recognised) or whose row MySQL refused because it has less than Redis showed (mode 'void'). Counts nothing, so
-- needs no lock.
--
-- KEYS: 1 pending, 2 booked (prefix)    ARGV: 1 mode, then request id and nonce, one pair per take, at least one
-- Answers OK, how many takes were not pending any more: Redis was emptied or put back meanwhile
local ids = {}
for i = 2, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local entries, nonces, settled, missing = redis.call('HMGET', KEYS[1], unpack(ids)), {}, {}, 0
for n = 1, #ids do
    local entry = entries[n] or ''
    local nonce = nonces[entry]
    if not nonce then
        nonce = string.match(entry, '[^|]*$')
        nonces[entry] = nonce
    end
    if nonce == ARGV[1 + 2 * n] then
        settled[#settled + 1] = ids[n]
    else
        missing = missing + 1
    end
end
if #settled > 0 then redis.call('HDEL', KEYS[1], unpack(settled)) end
if ARGV[1] == 'booked' then
    local booked = KEYS[2] .. ':' .. math.floor(redis.call('TIME')[1] / 60)
    redis.call('SADD', booked, unpack(ids))
    redis.call('EXPIRE', booked, 150)
end
return {'OK', string.format('%.0f', missing)}
