-- SPDX-License-Identifier: MIT
-- A JSON reader and writer, and a document that goes through both many times. Strings,
-- tables that grow, and errors that carry a place.

local json = {null = setmetatable({}, {__tostring = function() return "null" end})}

-- ------------------------------------------------------------------------ writing

local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t",
}

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return ESCAPES[c] or string.format("\\u%04x", c:byte())
  end) .. '"'
end

local function is_array(value)
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  return count == #value and (count > 0 or value.is_array == nil and getmetatable(value) == json.array)
end

local write

local function write_array(value, out, indent, step)
  out[#out + 1] = "["
  for i, element in ipairs(value) do
    if i > 1 then out[#out + 1] = "," end
    if step then out[#out + 1] = "\n" .. indent .. step end
    write(element, out, step and indent .. step, step)
  end
  if step and #value > 0 then out[#out + 1] = "\n" .. indent end
  out[#out + 1] = "]"
end

local function write_object(value, out, indent, step)
  local keys = {}
  for key in pairs(value) do
    assert(type(key) == "string", "an object's keys are strings")
    keys[#keys + 1] = key
  end
  table.sort(keys)
  out[#out + 1] = "{"
  for i, key in ipairs(keys) do
    if i > 1 then out[#out + 1] = "," end
    if step then out[#out + 1] = "\n" .. indent .. step end
    out[#out + 1] = quote(key) .. (step and ": " or ":")
    write(value[key], out, step and indent .. step, step)
  end
  if step and #keys > 0 then out[#out + 1] = "\n" .. indent end
  out[#out + 1] = "}"
end

function write(value, out, indent, step)
  local kind = type(value)
  if value == json.null then
    out[#out + 1] = "null"
  elseif kind == "string" then
    out[#out + 1] = quote(value)
  elseif kind == "number" then
    assert(value == value and value ~= math.huge and value ~= -math.huge, "no JSON number")
    out[#out + 1] = math.type(value) == "integer" and tostring(value)
      or string.format("%.14g", value)
  elseif kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif kind == "table" and is_array(value) then
    write_array(value, out, indent, step)
  elseif kind == "table" then
    write_object(value, out, indent, step)
  else
    error("JSON has no " .. kind)
  end
end

json.array = {}

function json.encode(value, step)
  local out = {}
  write(value, out, "", step)
  return table.concat(out)
end

-- ------------------------------------------------------------------------ reading

local Reader = {}
Reader.__index = Reader

function Reader:fail(what)
  local line = select(2, self.text:sub(1, self.at):gsub("\n", "")) + 1
  error({message = string.format("line %d, byte %d: %s", line, self.at, what)})
end

function Reader:skip()
  self.at = self.text:find("[^ \t\r\n]", self.at) or #self.text + 1
end

function Reader:expect(token)
  if self.text:sub(self.at, self.at + #token - 1) ~= token then
    self:fail("expected " .. token)
  end
  self.at = self.at + #token
end

local UNESCAPES = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

function Reader:code_point()
  local digits = self.text:match("^%x%x%x%x", self.at)
  if not digits then self:fail("four hexadecimal digits after \\u") end
  self.at = self.at + 4
  return tonumber(digits, 16)
end

function Reader:escape()
  local c = self.text:sub(self.at, self.at)
  self.at = self.at + 1
  if c ~= "u" then
    return UNESCAPES[c] or (c:match('["\\/]') and c) or self:fail("no such escape: " .. c)
  end
  local high = self:code_point()
  if high < 0xD800 or high > 0xDBFF then return utf8.char(high) end
  self:expect("\\u")
  local low = self:code_point()
  if low < 0xDC00 or low > 0xDFFF then self:fail("half of a surrogate pair") end
  return utf8.char(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
end

function Reader:string()
  local parts = {}
  self:expect('"')
  while true do
    local stop = self.text:find('["\\%c]', self.at)
    if not stop then self:fail("a string without an end") end
    parts[#parts + 1] = self.text:sub(self.at, stop - 1)
    self.at = stop + 1
    local c = self.text:sub(stop, stop)
    if c == '"' then return table.concat(parts) end
    if c ~= "\\" then self:fail("a control character in a string") end
    parts[#parts + 1] = self:escape()
  end
end

function Reader:number()
  local text = self.text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", self.at)
  local value = text and (math.tointeger(tonumber(text)) or tonumber(text))
  if not value or text:match("^-?0%d") then self:fail("no value") end
  self.at = self.at + #text
  return value
end

function Reader:array()
  local value = setmetatable({}, json.array)
  self:expect("[")
  self:skip()
  if self.text:sub(self.at, self.at) == "]" then
    self.at = self.at + 1
    return value
  end
  while true do
    value[#value + 1] = self:value()
    self:skip()
    if self.text:sub(self.at, self.at) == "]" then
      self.at = self.at + 1
      return value
    end
    self:expect(",")
  end
end

function Reader:object()
  local value = {}
  self:expect("{")
  self:skip()
  if self.text:sub(self.at, self.at) == "}" then
    self.at = self.at + 1
    return value
  end
  while true do
    self:skip()
    local key = self:string()
    self:skip()
    self:expect(":")
    value[key] = self:value()
    self:skip()
    if self.text:sub(self.at, self.at) == "}" then
      self.at = self.at + 1
      return value
    end
    self:expect(",")
  end
end

local WORDS = {t = {"true", true}, f = {"false", false}, n = {"null", json.null}}

function Reader:value()
  self:skip()
  local c = self.text:sub(self.at, self.at)
  if c == "{" then return self:object() end
  if c == "[" then return self:array() end
  if c == '"' then return self:string() end
  if WORDS[c] then
    self:expect(WORDS[c][1])
    return WORDS[c][2]
  end
  return self:number()
end

function json.decode(text)
  local reader = setmetatable({text = text, at = 1}, Reader)
  local value = reader:value()
  reader:skip()
  if reader.at <= #text then reader:fail("something behind the value") end
  return value
end

-- -------------------------------------------------------------------------- use

local document = [[
{ "name": "h\u00e9llo \ud83d\ude00", "list": [1, -2.5, 1e3, true, false, null, [], {}],
  "nested": {"a": {"b": {"c": ["deep", "\t\"quoted\"\\"]}}}, "zero": 0 }
]]
print(json.encode(json.decode(document)))
print(json.encode(json.decode(document), "  "))

for _, bad in ipairs {"{", "[1,]", '"abc', "tru", "01", '{"a" 1}', "[1] 2", '"\\ud800x"'} do
  local good, problem = pcall(json.decode, bad)
  assert(not good)
  print(string.format("%-10s %s", bad, problem.message))
end

local function record(i)
  return {
    id = i, name = "record " .. i, tags = {"t" .. i % 7, "t" .. i % 11, "t" .. i % 13},
    price = i / 4, parent = i > 1 and {id = i - 1, name = "record " .. i - 1} or json.null,
  }
end

local records = {}
for i = 1, 400 do records[i] = record(i) end
local text = json.encode(records)
for round = 1, 6 do
  local again = json.encode(json.decode(text))
  assert(again == text, "a document came back changed")
  print(round, #again, #json.encode(json.decode(text), "\t"))
end
