-- SPDX-License-Identifier: MIT
-- Text: a made-up corpus is counted, indexed, wrapped, searched with a regular expression
-- matcher of its own, compressed and restored. Strings of all lengths, many of them once.

local Random = {}
Random.__index = Random

function Random.new(seed)
  return setmetatable({state = seed}, Random)
end

function Random:below(limit)
  self.state = (self.state * 1103515245 + 12345) & 0x7fffffff
  return (self.state >> 8) % limit + 1
end

-- ------------------------------------------------------------------------- corpus

local SYLLABLES = {
  "ka", "lo", "mi", "ren", "ta", "vos", "el", "dun", "ish", "or", "pe", "qua", "sil", "um",
}

local function make_words(random, count)
  local words = {}
  for i = 1, count do
    local parts = {}
    for k = 1, random:below(4) do parts[k] = SYLLABLES[random:below(#SYLLABLES)] end
    words[i] = table.concat(parts)
  end
  return words
end

-- Few words are frequent, most are rare.
local function make_corpus(random, words, length)
  local text = {}
  for i = 1, length do
    local rank = random:below(random:below(#words))
    local word = words[rank]
    if i % 12 == 1 then word = word:sub(1, 1):upper() .. word:sub(2) end
    if i % 12 == 0 then word = word .. "." end
    text[i] = word
  end
  return table.concat(text, " ")
end

-- ----------------------------------------------------------------------- counting

local function count_words(text)
  local counts = {}
  for word in text:lower():gmatch("%a+") do
    counts[word] = (counts[word] or 0) + 1
  end
  local list = {}
  for word, count in pairs(counts) do list[#list + 1] = {word = word, count = count} end
  table.sort(list, function(a, b)
    return a.count > b.count or a.count == b.count and a.word < b.word
  end)
  return list
end

local function index_lines(lines)
  local index = {}
  for number, line in ipairs(lines) do
    for word in line:lower():gmatch("%a+") do
      local places = index[word]
      if not places then
        places = {}
        index[word] = places
      end
      if places[#places] ~= number then places[#places + 1] = number end
    end
  end
  return index
end

local function wrap(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if #line > 0 and #line + 1 + #word > width then
      lines[#lines + 1] = line
      line = word
    else
      line = #line > 0 and line .. " " .. word or word
    end
  end
  lines[#lines + 1] = line
  return lines
end

-- ------------------------------------------------------------ regular expressions
-- Parsed to a tree, then matched by closures that call the one behind them. Knows
-- | ( ) * + ? . [a-z] [^a-z] ^ $.

local Regex = {}
Regex.__index = Regex

function Regex:peek()
  return self.pattern:sub(self.at, self.at)
end

function Regex:alternatives()
  local branches = {self:sequence()}
  while self:peek() == "|" do
    self.at = self.at + 1
    branches[#branches + 1] = self:sequence()
  end
  return #branches == 1 and branches[1] or {kind = "or", branches = branches}
end

function Regex:sequence()
  local parts = {}
  while self:peek() ~= "" and self:peek() ~= "|" and self:peek() ~= ")" do
    parts[#parts + 1] = self:repeated()
  end
  return {kind = "sequence", parts = parts}
end

function Regex:repeated()
  local node = self:atom()
  local c = self:peek()
  if c == "*" or c == "+" or c == "?" then
    self.at = self.at + 1
    node = {kind = "repeat", node = node, least = c == "+" and 1 or 0, once = c == "?"}
  end
  return node
end

function Regex:atom()
  local c = self:peek()
  self.at = self.at + 1
  if c == "(" then
    local node = self:alternatives()
    assert(self:peek() == ")", "a ( without )")
    self.at = self.at + 1
    return node
  elseif c == "[" then
    return self:set()
  elseif c == "." then
    return {kind = "test", test = function(x) return x ~= "" end}
  elseif c == "^" then
    return {kind = "begin"}
  elseif c == "$" then
    return {kind = "end"}
  end
  return {kind = "test", test = function(x) return x == c end}
end

function Regex:set()
  local negated = self:peek() == "^"
  if negated then self.at = self.at + 1 end
  local members = {}
  while self:peek() ~= "]" do
    assert(self:peek() ~= "", "a [ without ]")
    local first = self:peek():byte()
    local last = first
    self.at = self.at + 1
    if self:peek() == "-" then
      last = self.pattern:byte(self.at + 1)
      self.at = self.at + 2
    end
    for code = first, last do members[string.char(code)] = true end
  end
  self.at = self.at + 1
  return {kind = "test", test = function(x) return x ~= "" and (members[x] or false) ~= negated end}
end

local compile

local function compile_repeat(node, rest)
  local function try(text, at, count)
    if not (node.once and count == 1) then
      local step = compile(node.node, function(t, behind)
        return behind > at and try(t, behind, count + 1) or nil
      end)
      local stop = step(text, at)
      if stop then return stop end
    end
    return count >= node.least and rest(text, at) or nil
  end
  return function(text, at) return try(text, at, 0) end
end

function compile(node, rest)
  if node.kind == "test" then
    return function(text, at)
      return node.test(text:sub(at, at)) and rest(text, at + 1) or nil
    end
  elseif node.kind == "begin" then
    return function(text, at) return at == 1 and rest(text, at) or nil end
  elseif node.kind == "end" then
    return function(text, at) return at == #text + 1 and rest(text, at) or nil end
  elseif node.kind == "repeat" then
    return compile_repeat(node, rest)
  elseif node.kind == "or" then
    local branches = {}
    for i, branch in ipairs(node.branches) do branches[i] = compile(branch, rest) end
    return function(text, at)
      for _, branch in ipairs(branches) do
        local stop = branch(text, at)
        if stop then return stop end
      end
    end
  end
  for i = #node.parts, 1, -1 do rest = compile(node.parts[i], rest) end
  return rest
end

local function regex(pattern)
  local parser = setmetatable({pattern = pattern, at = 1}, Regex)
  local tree = parser:alternatives()
  assert(parser.at == #pattern + 1, "a ) without (")
  local match = compile(tree, function(_, at) return at end)
  return function(text)
    for at = 1, #text + 1 do
      local stop = match(text, at)
      if stop then return at, stop - 1 end
    end
  end
end

-- -------------------------------------------------------------------- compression

-- LZW: the dictionary keeps a growing string for each code.
local function compress(text)
  local codes, out, known, next_code = {}, {}, "", 256
  for i = 0, 255 do codes[string.char(i)] = i end
  for c in text:gmatch(".") do
    local longer = known .. c
    if codes[longer] then
      known = longer
    else
      out[#out + 1] = codes[known]
      codes[longer] = next_code
      next_code = next_code + 1
      known = c
    end
  end
  out[#out + 1] = codes[known]
  return out
end

local function restore(codes)
  local strings, next_code = {}, 256
  for i = 0, 255 do strings[i] = string.char(i) end
  local before = strings[codes[1]]
  local out = {before}
  for i = 2, #codes do
    local text = strings[codes[i]] or before .. before:sub(1, 1)
    out[#out + 1] = text
    strings[next_code] = before .. text:sub(1, 1)
    next_code = next_code + 1
    before = text
  end
  return table.concat(out)
end

-- ---------------------------------------------------------------------------- use

local random = Random.new(42)
local words = make_words(random, 900)
local text = make_corpus(random, words, 20000)
print("bytes", #text)
local counted = count_words(text)
print("different words", #counted)
for i = 1, 10 do print(i, counted[i].word, counted[i].count) end

local lines = wrap(text, 72)
local index = index_lines(lines)
print("lines", #lines, "longest word's lines",
  #index[counted[1].word], index[counted[#counted].word][1])
for i = 1, 3 do print(lines[i]) end

for _, pattern in ipairs {
  "^K[a-z]*", "(ren|vos)+\\.?", "[^aeiou .]+[aeiou]sh$", "q.a(mi)?l", "^$", "(el|ish)*um ",
} do
  local match = regex((pattern:gsub("\\", "")))
  local hits, first = 0, nil
  for number = 1, 250 do
    local from, to = match(lines[number])
    if from then
      hits = hits + 1
      first = first or string.format("%d:%s", number, lines[number]:sub(from, to))
    end
  end
  print(pattern, hits, first or "nowhere")
end

local codes = compress(text)
assert(restore(codes) == text, "compression lost something")
print("codes", #codes)
local reversed = text:reverse():rep(3, "|")
assert(#reversed == 3 * #text + 2 and reversed:reverse():sub(1, #text) == text)
local buffer = ""
for i = 1, 2000 do buffer = buffer .. lines[i % #lines + 1]:sub(1, 7) end
print("buffer", #buffer, buffer:sub(-21))
