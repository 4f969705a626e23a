-- Takes the requests that ARGV names from `first` on - request id and nonce, one pair per take - out of their batches' pending
-- entries, each only while it is pending under its own nonce. Returns how many pieces that were, how many takes, and the takes
-- as pairs of their minute and request id.
local function take_out(pending, first)
    local nonces, wanted = {}, {}
    for i = first, #ARGV, 2 do
        local nonce = ARGV[i + 1]
        if not wanted[nonce] then
            wanted[nonce] = {}
            nonces[#nonces + 1] = nonce
        end
        wanted[nonce][ARGV[i]] = true
    end
    local pieces, found = 0, {}
    for _, nonce in ipairs(nonces) do
        local head, takes = string.match(redis.call('HGET', pending, nonce) or '', '^(%d+|%d+)|(.*)$')
        if head then
            local minute, rest = string.match(head, '%d+$'), {}
            for id, quantity in string.gmatch(takes, '(%S+) (%d+)') do
                if wanted[nonce][id] then
                    pieces = pieces + tonumber(quantity)
                    found[#found + 1] = {minute, id}
                else
                    rest[#rest + 1] = id .. ' ' .. quantity
                end
            end
            if #rest == 0 then
                redis.call('HDEL', pending, nonce)
            else
                redis.call('HSET', pending, nonce, head .. '|' .. table.concat(rest, ' '))
            end
        end
    end
    return pieces, found
end

-- Requests that came to nothing may be tried again as if they had never been.
local function forget(takes, found)
    for _, take in ipairs(found) do redis.call('HDEL', takes .. ':' .. take[1], take[2]) end
end
