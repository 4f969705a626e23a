-- Takes pieces of one product for a batch of requests, each accepted or refused on its own, and ends the pending life of earlier
-- batches whose rows MySQL has by now.
--
-- KEYS: 1 lock, 2 available, 3 pending (hash: nonce of a batch -> deadline|minute|request id and quantity of each take, with
--       spaces), 4 takes (prefix of the hashes, one a minute: request id -> nonce of the batch that took it), 5 loaded (when the
--       count was loaded, ms)
-- ARGV: 1 holder ('' = only if nobody holds the lock), 2 how long a take may be pending, ms, 3 nonce of this batch,
--       4 how many batches are booked by now, then nonce and number of takes, one pair per booked batch,
--       then request id and quantity, one pair per request
--
-- Answers NOT_LOADED | LOCKED | LOST_LOCK, all of which changed nothing, or OK, Redis' clock, ms, ms since loading, how many of the
-- booked takes were not pending any more (Redis was emptied or put back meanwhile), and one word per request:
--   T taken now, D<nonce> was taken before and is pending, B booked in MySQL, S<left> too few left
--
-- A take that came to nothing leaves `takes` as well, so what is there and not pending is booked. A batch is pending as one entry
-- and commands that take many fields do the rest: a call per request would cost several times as much.
local left = tonumber(redis.call('GET', KEYS[2]))
if not left then return {'NOT_LOADED'} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = math.floor(now / 60000)
local takes, earlier = KEYS[4] .. ':' .. minute, KEYS[4] .. ':' .. (minute - 1)

local first = 5 + 2 * tonumber(ARGV[4])
local ids = {}
for i = first, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end

local lately = redis.call('HMGET', takes, unpack(ids))
local before = redis.call('EXISTS', earlier) == 1 and redis.call('HMGET', earlier, unpack(ids)) or {}
local words, marks, entry, taken, seen = {}, {}, {}, 0, {}
for n = 1, #ids do
    local id, asked = ids[n], ARGV[first + 2 * n - 1]
    local quantity, known = tonumber(asked), lately[n] or before[n]
    if seen[id] then
        words[n] = 'D' .. ARGV[3]
    elseif known then
        words[n] = redis.call('HEXISTS', KEYS[3], known) == 1 and 'D' .. known or 'B'
    elseif quantity < 1 or quantity > left - taken then
        words[n] = 'S' .. string.format('%.0f', left - taken)
    else
        words[n] = 'T'
        taken = taken + quantity
        local last = #marks
        marks[last + 1], marks[last + 2] = id, ARGV[3]
        entry[last + 1], entry[last + 2] = id, asked
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
    local deadline = string.format('%.0f', now + tonumber(ARGV[2]))
    redis.call('HSET', KEYS[3], ARGV[3], deadline .. '|' .. minute .. '|' .. table.concat(entry, ' '))
    redis.call('HSET', takes, unpack(marks))
    redis.call('EXPIRE', takes, 150)
end

-- As in settle.lua.
local missing = 0
for i = 5, first - 1, 2 do
    if redis.call('HDEL', KEYS[3], ARGV[i]) == 0 then missing = missing + tonumber(ARGV[i + 1]) end
end
return {'OK', string.format('%.0f', now), string.format('%.0f', now - tonumber(redis.call('GET', KEYS[5]) or 0)),
    string.format('%.0f', missing), table.concat(words, ' ')}
