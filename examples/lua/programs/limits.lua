-- SPDX-License-Identifier: MIT
-- What a program sees of a memory limit: Lua's own error, caught like any other, after
-- which the state goes on as if nothing had been. Run with a limit of some megabytes.

local function too_large(what, body)
  local good, message = pcall(body)
  assert(not good, what .. ": there was memory enough")
  assert(message == "not enough memory", what .. ": " .. tostring(message))
  print(what, message)
end

-- The state still works: allocates, collects, compiles, makes coroutines.
local function still_works()
  collectgarbage()
  local list = {}
  for i = 1, 2000 do list[i] = {i, "text " .. i} end
  local sum = 0
  for _, entry in ipairs(list) do sum = sum + entry[1] + #entry[2] end
  assert(sum == 2017893, sum)
  assert(load("return 6 * 7")() == 42)
  local generate = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
  assert(generate() + generate() + generate() == 6)
end

local kept = {}
for i = 1, 100 do kept[i] = "kept " .. i end

for round = 1, 3 do
  too_large("string", function() return ("x"):rep(1 << 30) end)
  still_works()
  too_large("table", function()
    local list = {}
    for i = 1, math.maxinteger do list[i] = i end
  end)
  still_works()
  too_large("list", function()
    local list
    while true do list = {list, "node"} end
  end)
  still_works()
  too_large("strings", function()
    local strings = {}
    for i = 1, math.maxinteger do strings[i] = ("%08d"):format(i):rep(20) end
  end)
  still_works()
  print("round", round)
end

for i = 1, 100 do assert(kept[i] == "kept " .. i) end
print("everything that was kept is there")
