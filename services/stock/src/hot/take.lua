-- Takes pieces of one product for a batch of requests, each accepted or refused on its own.
--
-- KEYS: 1 lock, 2 available, 3 pending (hash: request id -> quantity|deadline|nonce), 4 booked (prefix of the sets of
--       request ids that MySQL is known to have), 5 loaded (when the count was loaded, ms)
-- ARGV: 1 holder ('' = only if nobody holds the lock), 2 how long a take may be pending, ms, 3 nonce of this batch,
--       then request id and quantity, one pair per request
--
-- Answers NOT_LOADED | LOCKED | LOST_LOCK, all of which changed nothing, or OK, ms since loading, then one word per request:
--   T taken now, D<nonce> was taken before and is pending, B booked in MySQL, S<left> too few left
local left = tonumber(redis.call('GET', KEYS[2]))
if not left then return {'NOT_LOADED'} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = math.floor(now / 60000)
local booked_now, booked_before = KEYS[4] .. ':' .. minute, KEYS[4] .. ':' .. (minute - 1)

local answer = {'OK', string.format('%.0f', now - tonumber(redis.call('GET', KEYS[5]) or 0))}
local marks, taken = {}, 0
local mine = '|' .. string.format('%.0f', now + tonumber(ARGV[2])) .. '|' .. ARGV[3]
local seen = {}
for i = 4, #ARGV, 2 do
    local id, quantity = ARGV[i], tonumber(ARGV[i + 1])
    local known = redis.call('HGET', KEYS[3], id)
    local word
    if seen[id] then
        word = 'D' .. ARGV[3]
    elseif known then
        word = 'D' .. string.match(known, '[^|]*$')
    elseif redis.call('SISMEMBER', booked_now, id) == 1 or redis.call('SISMEMBER', booked_before, id) == 1 then
        word = 'B'
    elseif quantity < 1 or quantity > left - taken then
        word = 'S' .. string.format('%.0f', left - taken)
    else
        word = 'T'
        taken = taken + quantity
        marks[#marks + 1] = id
        marks[#marks + 1] = string.format('%.0f', quantity) .. mine
        seen[id] = true
    end
    answer[#answer + 1] = word
end

-- Only a change needs the lock: a crowd at an empty shelf neither takes it nor waits for it.
if taken > 0 then
    if ARGV[1] == '' then
        if redis.call('EXISTS', KEYS[1]) == 1 then return {'LOCKED'} end
    elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
        return {'LOST_LOCK'}
    end
    redis.call('DECRBY', KEYS[2], string.format('%.0f', taken))
    redis.call('HSET', KEYS[3], unpack(marks))
end
return answer
