-- SPDX-License-Identifier: MIT
-- A scheduler of coroutines with sleeping, channels and failures, and on it a pipeline, a
-- sieve that grows a filter for each prime, and a crowd of short tasks. Each coroutine has
-- a Lua stack of its own: blocks that grow and shrink.

local Scheduler = {}
Scheduler.__index = Scheduler

function Scheduler.new()
  return setmetatable({ready = {}, head = 1, sleeping = {}, now = 0, steps = 0, failed = {}}, Scheduler)
end

function Scheduler:spawn(name, body, ...)
  local arguments = table.pack(...)
  local task = {name = name}
  task.thread = coroutine.create(function() return body(table.unpack(arguments, 1, arguments.n)) end)
  self:wake(task)
  return task
end

function Scheduler:wake(task)
  self.ready[#self.ready + 1] = task
end

-- A binary heap by time, then by order of arrival.
local function sooner(a, b)
  return a.time < b.time or a.time == b.time and a.order < b.order
end

function Scheduler:sleep_until(task, time)
  local heap = self.sleeping
  self.order = (self.order or 0) + 1
  local entry = {time = time, order = self.order, task = task}
  local at = #heap + 1
  heap[at] = entry
  while at > 1 and sooner(entry, heap[at // 2]) do
    heap[at] = heap[at // 2]
    at = at // 2
    heap[at] = entry
  end
end

function Scheduler:pop_sleeper()
  local heap = self.sleeping
  local top, last = heap[1], table.remove(heap)
  if #heap == 0 then return top end
  local at = 1
  while true do
    local child = 2 * at
    if child < #heap and sooner(heap[child + 1], heap[child]) then child = child + 1 end
    if child > #heap or not sooner(heap[child], last) then break end
    heap[at] = heap[child]
    at = child
  end
  heap[at] = last
  return top
end

function Scheduler:step(task)
  self.steps = self.steps + 1
  local good, request, argument = coroutine.resume(task.thread)
  if not good then
    self.failed[#self.failed + 1] = task.name .. ": " .. tostring(request):gsub("^.-:%d+: ", "")
  elseif coroutine.status(task.thread) == "dead" then
    task.result = request
    task.done = true
  elseif request == "sleep" then
    self:sleep_until(task, self.now + argument)
  elseif request == "wait" then
    argument[#argument + 1] = task
  else
    self:wake(task)
  end
end

function Scheduler:run()
  while true do
    while self.head <= #self.ready do
      local task = self.ready[self.head]
      self.ready[self.head] = false
      self.head = self.head + 1
      self:step(task)
    end
    self.ready, self.head = {}, 1
    if #self.sleeping == 0 then return end
    local entry = self:pop_sleeper()
    self.now = entry.time
    self:wake(entry.task)
  end
end

local function sleep(time) coroutine.yield("sleep", time) end
local function pause() coroutine.yield("pause") end

-- ----------------------------------------------------------------------- channels

local Channel = {}
Channel.__index = Channel

function Channel.new(scheduler, room)
  return setmetatable({
    scheduler = scheduler, room = room, items = {}, readers = {}, writers = {}, closed = false,
  }, Channel)
end

local function wake_one(channel, queue)
  local task = table.remove(queue, 1)
  if task then channel.scheduler:wake(task) end
end

function Channel:send(item)
  while #self.items >= self.room do coroutine.yield("wait", self.writers) end
  assert(not self.closed, "the channel is closed")
  table.insert(self.items, item)
  wake_one(self, self.readers)
end

function Channel:receive()
  while #self.items == 0 do
    if self.closed then return nil end
    coroutine.yield("wait", self.readers)
  end
  local item = table.remove(self.items, 1)
  wake_one(self, self.writers)
  return item
end

function Channel:close()
  self.closed = true
  while #self.readers > 0 do wake_one(self, self.readers) end
end

function Channel:each()
  return function() return self:receive() end
end

-- ---------------------------------------------------------------------------- use

local function pipeline()
  local scheduler = Scheduler.new()
  local numbers, squares = Channel.new(scheduler, 3), Channel.new(scheduler, 1)
  scheduler:spawn("source", function()
    for i = 1, 500 do
      numbers:send(i)
      if i % 50 == 0 then sleep(10) end
    end
    numbers:close()
  end)
  scheduler:spawn("square", function()
    for i in numbers:each() do squares:send(i * i) end
    squares:close()
  end)
  local sink = scheduler:spawn("sink", function()
    local sum, count = 0, 0
    for square in squares:each() do
      sum, count = sum + square, count + 1
    end
    return {sum = sum, count = count}
  end)
  scheduler:run()
  print("pipeline", sink.result.count, sink.result.sum, "time", scheduler.now, "steps", scheduler.steps)
end

local function sieve(limit)
  local scheduler = Scheduler.new()
  local primes = {}
  local function filter(input, prime)
    local output = Channel.new(scheduler, 8)
    scheduler:spawn("filter " .. prime, function()
      for i in input:each() do
        if i % prime ~= 0 then output:send(i) end
      end
      output:close()
    end)
    return output
  end
  local first = Channel.new(scheduler, 8)
  scheduler:spawn("numbers", function()
    for i = 2, limit do first:send(i) end
    first:close()
  end)
  scheduler:spawn("primes", function()
    local input = first
    while true do
      local prime = input:receive()
      if not prime then return end
      primes[#primes + 1] = prime
      input = filter(input, prime)
    end
  end)
  scheduler:run()
  print("sieve", #primes, "last", primes[#primes], "steps", scheduler.steps)
end

local function crowd(count)
  local scheduler = Scheduler.new()
  local alive, order = count, {}
  local function deep(levels, i)
    if levels == 0 then
      pause()
      return i
    end
    return (deep(levels - 1, i + 1))
  end
  for i = 1, count do
    scheduler:spawn("task " .. i, function()
      sleep((i * 7919) % 101)
      local reached = deep(i % 60, 0)
      assert(reached == i % 60)
      if i % 400 == 0 then error("planned failure") end
      alive = alive - 1
      if #order < 8 then order[#order + 1] = i end
    end)
  end
  scheduler:run()
  print("crowd", count - alive, "order", table.concat(order, " "))
  for _, failure in ipairs(scheduler.failed) do print("failed", failure) end
end

local function generators()
  local function permutations(list)
    return coroutine.wrap(function()
      local function permute(n)
        if n == 0 then coroutine.yield(table.concat(list)) end
        for i = 1, n do
          list[n], list[i] = list[i], list[n]
          permute(n - 1)
          list[n], list[i] = list[i], list[n]
        end
      end
      permute(#list)
    end)
  end
  local count, last = 0, nil
  for permutation in permutations {"a", "b", "c", "d", "e", "f", "g"} do
    count, last = count + 1, permutation
  end
  print("permutations", count, last)
end

pipeline()
sieve(1200)
crowd(2000)
generators()
