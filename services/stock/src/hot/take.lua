-- Takes pieces of one product for a batch of requests, each accepted or refused on its own, and ends the pending life of takes
-- of earlier batches whose rows MySQL has by now.
--
-- KEYS: 1 lock, 2 available, 3 pending (hash: request id -> quantity|deadline|nonce), 4 booked (prefix of the sets of
--       request ids that MySQL is known to have), 5 loaded (when the count was loaded, ms)
-- ARGV: 1 holder ('' = only if nobody holds the lock), 2 how long a take may be pending, ms, 3 nonce of this batch,
--       4 how many takes are booked by now, then request id and nonce, one pair per booked take,
--       then request id and quantity, one pair per request
--
-- Answers NOT_LOADED | LOCKED | LOST_LOCK, all of which changed nothing, or OK, ms since loading, how many of the booked takes
-- were not pending any more (Redis was emptied or put back meanwhile), and one word per request:
--   T taken now, D<nonce> was taken before and is pending, B booked in MySQL, S<left> too few left
--
-- Commands that take many fields do the work: a call per request would cost several times as much.
local left = tonumber(redis.call('GET', KEYS[2]))
if not left then return {'NOT_LOADED'} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = math.floor(now / 60000)
local booked_now, booked_before = KEYS[4] .. ':' .. minute, KEYS[4] .. ':' .. (minute - 1)

local first = 5 + 2 * tonumber(ARGV[4])
local done, ids = {}, {}
for i = 5, first - 1, 2 do done[#done + 1] = ARGV[i] end
for i = first, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end

local known = redis.call('HMGET', KEYS[3], unpack(ids))
local lately = redis.call('SMISMEMBER', booked_now, unpack(ids))
local before = redis.call('SMISMEMBER', booked_before, unpack(ids))
local words, marks, taken = {}, {}, 0
local mine = '|' .. string.format('%.0f', now + tonumber(ARGV[2])) .. '|' .. ARGV[3]
local entries, seen = {}, {}
for n = 1, #ids do
    local id, asked = ids[n], ARGV[first + 2 * n - 1]
    local quantity = tonumber(asked)
    if seen[id] then
        words[n] = 'D' .. ARGV[3]
    elseif known[n] then
        words[n] = 'D' .. string.match(known[n], '[^|]*$')
    elseif lately[n] == 1 or before[n] == 1 then
        words[n] = 'B'
    elseif quantity < 1 or quantity > left - taken then
        words[n] = 'S' .. string.format('%.0f', left - taken)
    else
        words[n] = 'T'
        taken = taken + quantity
        local entry = entries[asked]
        if not entry then
            entry = string.format('%.0f', quantity) .. mine
            entries[asked] = entry
        end
        marks[#marks + 1] = id
        marks[#marks + 1] = entry
        seen[id] = true
    end
end

-- Only a change of the count needs the lock: a crowd at an empty shelf neither takes it nor waits for it.
if taken > 0 then
    if ARGV[1] == '' then
        if redis.call('EXISTS', KEYS[1]) == 1 then return {'LOCKED'} end
    elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
        return {'LOST_LOCK'}
    end
    redis.call('DECRBY', KEYS[2], string.format('%.0f', taken))
    redis.call('HSET', KEYS[3], unpack(marks))
end

-- As in settle.lua.
local missing = 0
if #done > 0 then
    local entries, nonces, settled = redis.call('HMGET', KEYS[3], unpack(done)), {}, {}
    for n = 1, #done do
        local entry = entries[n] or ''
        local nonce = nonces[entry]
        if not nonce then
            nonce = string.match(entry, '[^|]*$')
            nonces[entry] = nonce
        end
        if nonce == ARGV[4 + 2 * n] then
            settled[#settled + 1] = done[n]
        else
            missing = missing + 1
        end
    end
    if #settled > 0 then redis.call('HDEL', KEYS[3], unpack(settled)) end
    redis.call('SADD', booked_now, unpack(done))
    redis.call('EXPIRE', booked_now, 150)
end
return {'OK', string.format('%.0f', now - tonumber(redis.call('GET', KEYS[5]) or 0)), string.format('%.0f', missing),
    table.concat(words, ' ')}
