-- The script of wrk. Arguments: `claim <user prefix> <coupon prefix> <coupons> <file of bearers>`, or `get`.
-- Each claim is by a new user: prefix, thread, number. Without a user prefix, the user is that of the claim's token.
-- Each thread begins at its own part of the bearers.
local threads = 0
local bearers = {}

function setup(thread)
  threads = threads + 1
  thread:set('thread_number', threads)
end

local function user_field(user_prefix, count)
  if user_prefix == '' then return '' end
  return '"user_id":"' .. user_prefix .. thread_number .. '-' .. count .. '",'
end

local function claim(user_prefix, coupon_prefix, coupons)
  local count = 0
  local head = 'POST ' .. wrk.path .. ' HTTP/1.1\r\nHost: ' .. wrk.host .. '\r\n' ..
    'Content-Type: application/json\r\nContent-Length: '
  math.randomseed(thread_number)
  return function()
    count = count + 1
    local coupon = coupons == 1 and 1 or math.random(coupons)
    local body = '{' .. user_field(user_prefix, count) .. '"coupon_name":"' .. coupon_prefix .. coupon .. '"}'
    local bearer = bearers[(thread_number * math.floor(#bearers / 2) + count) % #bearers + 1]
    local authorization = bearer and '\r\nAuthorization: Bearer ' .. bearer or ''
    return head .. #body .. authorization .. '\r\n\r\n' .. body
  end
end

function init(args)
  if args[1] ~= 'claim' then return end
  if args[5] ~= '' then
    for line in io.lines(args[5]) do bearers[#bearers + 1] = line end
  end
  request = claim(args[2], args[3], tonumber(args[4]))
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    'RESULT {"seconds":%.6f,"requests":%d,"refused":%d,"socketErrors":%d,"p50Ms":%.3f,"p95Ms":%.3f,"p99Ms":%.3f,"maxMs":%.3f}',
    summary.duration / 1e6, summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3
  ))
end
