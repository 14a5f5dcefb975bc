-- Prints how many requests of an nginx access log had each response status.
--
-- Usage: lua access-report.lua ACCESS-LOG

local path = arg[1]
local log = assert(io.open(path))
local count_of = {}
local statuses = {}

for line in log:lines() do
  -- The status follows the quoted request line.
  local status = line:match('"[^"]*" (%d%d%d) ')
  if status then
    if not count_of[status] then
      count_of[status] = 0
      table.insert(statuses, status)
    end
    count_of[status] = count_of[status] + 1
  end
end
log:close()

table.sort(statuses)
for _, status in ipairs(statuses) do
  print(status .. ' ' .. count_of[status])
end
