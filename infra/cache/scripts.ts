import { redisScript } from '../redis/script';

// An entry is a hash: v the value, d how long its load took, s how long it may be served after its time, g its tags, each
// with the token that it had. A tag is a key with a random token: when it is dropped, or lost, the entries that remember
// its token count no longer. A lease is a key with its holder's token and the tokens of its tags.

/**
 * Reads an entry, and takes the lease to load it where there is none or it is about to end.
 * KEYS: entry, lease, what keys of tags begin with. ARGV: how many times the load's duration before its end it is to be
 * refreshed, whether to ignore it (1), token, the lease's time, the tags' time, then the tags.
 * Answers the entry (v, d, ms fresh, ms left, g; v is empty for none), then `none`, `taken`, `held` or `refused`, and what
 * the lease says.
 */
export const READ = redisScript(`
local function current(tags)
  for i = 1, #tags, 2 do
    if redis.call('GET', KEYS[3] .. tags[i]) ~= tags[i + 1] then return false end
  end
  return true
end
local entry = redis.call('HMGET', KEYS[1], 'v', 'd', 's', 'g')
local answer = { '', '0', 0, 0, '', 'none', '' }
if entry[1] and ARGV[2] ~= '1' and current(cjson.decode(entry[4])) then
  local left = redis.call('PTTL', KEYS[1])
  local fresh = left - tonumber(entry[3])
  if left > 0 then answer = { entry[1], entry[2], fresh, left, entry[4], 'none', '' } end
  if fresh > tonumber(entry[2]) * tonumber(ARGV[1]) then return answer end
end
local function refused(reply) return type(reply) == 'table' and reply.err ~= nil end
local lease = ARGV[3]
local tokens = ''
for i = 6, #ARGV do
  local tag = KEYS[3] .. ARGV[i]
  local token = redis.call('GET', tag)
  local reply = false
  if not token then
    token = ARGV[3]
    reply = redis.pcall('SET', tag, token, 'PX', ARGV[5])
  elseif redis.call('PTTL', tag) < tonumber(ARGV[5]) then
    reply = redis.pcall('PEXPIRE', tag, ARGV[5])
  end
  if refused(reply) then
    answer[6] = 'refused'
    return answer
  end
  tokens = tokens .. '|' .. token
end
local held = redis.call('GET', KEYS[2])
-- One whose tags were dropped meanwhile can no longer store anything: it is not waited for.
if held and string.sub(held, #ARGV[3] + 1) == tokens then
  answer[6] = 'held'
  return answer
end
answer[7] = lease .. tokens
answer[6] = refused(redis.pcall('SET', KEYS[2], answer[7], 'PX', ARGV[4])) and 'refused' or 'taken'
return answer`);

/**
 * Stores what was loaded under a lease, unless the lease or one of its tags was dropped meanwhile; gives the lease back and
 * tells who waits for it.
 * KEYS: as READ. ARGV: what the lease says, v, d, s, ms to keep, g, the tags' time, channel, message.
 */
export const STORE = redisScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[2])
local stored = 1
local tags = cjson.decode(ARGV[6])
for i = 1, #tags, 2 do
  if redis.call('GET', KEYS[3] .. tags[i]) ~= tags[i + 1] then stored = 0 end
end
if stored == 1 then
  redis.call('HSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3], 's', ARGV[4], 'g', ARGV[6])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  for i = 1, #tags, 2 do
    if redis.call('PTTL', KEYS[3] .. tags[i]) < tonumber(ARGV[7]) then
      redis.call('PEXPIRE', KEYS[3] .. tags[i], ARGV[7])
    end
  end
end
redis.call('PUBLISH', ARGV[8], ARGV[9])
return stored`);

/** KEYS: lease. ARGV: what it says, its time. */
export const RENEW = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/** Gives a lease back without having stored anything. KEYS: lease. ARGV: what it says, channel, message. */
export const RELEASE = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1`);

/** Drops keys and tells everybody. KEYS: any number. ARGV: channel, message. */
export const DROP = redisScript(`
for i = 1, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1`);
