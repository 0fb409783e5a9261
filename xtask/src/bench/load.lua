-- Sends prepared requests; `done` prints what came of them as one line of JSON.
-- Arguments: `get KEY PATHS`, or `post KEY BODY CONTACTS WINDOW`. In a body, @number becomes
-- a number that is never used again, and @contact the contacts of the file in turn.
local next_request

local function lines(path)
   local all = {}
   for line in io.lines(path) do all[#all + 1] = line end
   return all
end

local function get(paths)
   local requests, at = {}, 0
   for place, path in ipairs(lines(paths)) do requests[place] = wrk.format("GET", path) end
   return function()
      at = at % #requests + 1
      return requests[at]
   end
end

-- Cuts a body at its marks: texts, and a mark after each but the last.
local function cut(body)
   local texts, marks, from = {}, {}, 1
   for start, mark, stop in body:gmatch("()@(%l+)()") do
      if mark == "number" or mark == "contact" then
         texts[#texts + 1], marks[#marks + 1] = body:sub(from, start - 1), mark
         from = stop
      end
   end
   texts[#texts + 1] = body:sub(from)
   return texts, marks
end

local function post(body, contacts_path, window)
   local contacts, number = lines(contacts_path), 0
   local texts, marks = cut(body)
   local function fill(values)
      local parts = {}
      for place, text in ipairs(texts) do
         parts[#parts + 1] = text
         parts[#parts + 1] = values[marks[place]]
      end
      return table.concat(parts)
   end
   -- Every body has the same length, so that the head is made once.
   local sample = fill({ number = window .. "00000000", contact = contacts[1] })
   wrk.headers["Content-Type"] = "application/json"
   local whole = wrk.format("POST", nil, nil, sample)
   local head = whole:sub(1, #whole - #sample)
   return function()
      number = number + 1
      -- In strides, so that neighbours in time are no neighbours in the tables.
      local contact = contacts[(number * 7919 + window * 104729) % #contacts + 1]
      return head .. fill({ number = string.format("%s%08d", window, number), contact = contact })
   end
end

function init(args)
   if args[2] ~= "-" then wrk.headers["Authorization"] = "Bearer " .. args[2] end
   if args[1] == "get" then
      next_request = get(args[3])
   else
      next_request = post(args[3], args[4], args[5])
   end
end

function request()
   return next_request()
end

function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"micros":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d,"late":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
