-- Sends the requests of a file in turn; `done` prints what came of them as one line of JSON.
-- Arguments: the file, and the number of the window. A line is a method, a key (or -), a path
-- and a body, with tabs between. @number in a body becomes a number that is never used again.
local requests, window, at, number = {}, "00000", 0, 0

-- All numbers have the same length, so that the head of a request is made once.
local SAMPLE = "@@@@@@@@@@@@@"

local function split(text, mark)
   local parts, from = {}, 1
   while true do
      local start, stop = text:find(mark, from, true)
      parts[#parts + 1] = text:sub(from, (start or 0) - 1)
      if not start then return parts end
      from = stop + 1
   end
end

local function prepared(line)
   local method, key, path, body = line:match("^(%u+)\t([^\t]*)\t([^\t]*)\t(.*)$")
   local headers = {}
   if key ~= "-" then headers["Authorization"] = "Bearer " .. key end
   if body == "" then return wrk.format(method, path, headers) end
   headers["Content-Type"] = "application/json"
   local text = wrk.format(method, path, headers, (body:gsub("@number", SAMPLE)))
   local parts = split(text, SAMPLE)
   return #parts == 1 and text or parts
end

function init(args)
   window = args[2]
   for line in io.lines(args[1]) do requests[#requests + 1] = prepared(line) end
   -- Windows begin at different places of the file.
   at = tonumber(window) * 104729 % #requests
end

function request()
   at = at % #requests + 1
   local next_request = requests[at]
   if type(next_request) == "string" then return next_request end
   number = number + 1
   return table.concat(next_request, string.format("%s%08d", window, number))
end

function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"micros":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d,"late":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
