-- Takes one token from every bucket in KEYS, or from none.
-- ARGV holds, for each bucket, its size and its tokens per minute.
-- Returns 0, or the milliseconds until it is worth trying again.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local levels = {}
local wait = 0
for i, key in ipairs(KEYS) do
  local burst = tonumber(ARGV[i * 2 - 1])
  local per_minute = tonumber(ARGV[i * 2])
  local state = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = tonumber(state[1]) or burst
  local at = tonumber(state[2]) or now
  tokens = math.min(burst, tokens + math.max(0, now - at) * per_minute / 60000)
  levels[i] = tokens
  if tokens < 1 then
    wait = math.max(wait, math.ceil((1 - tokens) * 60000 / per_minute))
  end
end
if wait == 0 then
  for i, key in ipairs(KEYS) do
    redis.call('HSET', key, 'tokens', levels[i] - 1, 'at', now)
    redis.call('PEXPIRE', key, math.ceil(ARGV[i * 2 - 1] * 60000 / ARGV[i * 2]) + 1000)
  end
end
return wait
