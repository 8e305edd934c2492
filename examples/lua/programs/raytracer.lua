-- SPDX-License-Identifier: MIT
-- A small ray tracer with vectors as objects: millions of short-lived tables. Spheres and
-- a floor, shadows, mirrors; the picture is printed as characters, with a checksum.

local Vector = {}
Vector.__index = Vector

local function vector(x, y, z)
  return setmetatable({x = x, y = y, z = z}, Vector)
end

function Vector.__add(a, b) return vector(a.x + b.x, a.y + b.y, a.z + b.z) end
function Vector.__sub(a, b) return vector(a.x - b.x, a.y - b.y, a.z - b.z) end
function Vector.__unm(a) return vector(-a.x, -a.y, -a.z) end
function Vector.__mul(a, s) return vector(a.x * s, a.y * s, a.z * s) end
function Vector.__eq(a, b) return a.x == b.x and a.y == b.y and a.z == b.z end
function Vector:dot(b) return self.x * b.x + self.y * b.y + self.z * b.z end
function Vector:length() return math.sqrt(self:dot(self)) end
function Vector:unit() return self * (1 / self:length()) end
function Vector:mirrored(normal) return self - normal * (2 * self:dot(normal)) end

-- ------------------------------------------------------------------------ shapes

local Shape = {}
Shape.__index = Shape

function Shape:colour_at(_) return self.colour end

local Sphere = setmetatable({}, {__index = Shape})
Sphere.__index = Sphere

function Sphere.new(centre, radius, colour, mirror)
  return setmetatable({centre = centre, radius = radius, colour = colour, mirror = mirror}, Sphere)
end

function Sphere:hit(origin, direction)
  local to_centre = self.centre - origin
  local along = to_centre:dot(direction)
  local square = self.radius ^ 2 - (to_centre:dot(to_centre) - along ^ 2)
  if square < 0 then return nil end
  local near = along - math.sqrt(square)
  if near > 1e-4 then return near end
  local far = along + math.sqrt(square)
  return far > 1e-4 and far or nil
end

function Sphere:normal(point)
  return (point - self.centre):unit()
end

local Floor = setmetatable({}, {__index = Shape})
Floor.__index = Floor

function Floor.new(height, colour, other, mirror)
  return setmetatable({height = height, colour = colour, other = other, mirror = mirror}, Floor)
end

function Floor:hit(origin, direction)
  if math.abs(direction.y) < 1e-6 then return nil end
  local distance = (self.height - origin.y) / direction.y
  return distance > 1e-4 and distance < 60 and distance or nil
end

function Floor:normal()
  return vector(0, 1, 0)
end

function Floor:colour_at(point)
  local even = (math.floor(point.x) + math.floor(point.z)) % 2 == 0
  return even and self.colour or self.other
end

-- ------------------------------------------------------------------------- scene

local Scene = {}
Scene.__index = Scene

function Scene.new(shapes, light)
  return setmetatable({shapes = shapes, light = light, rays = 0}, Scene)
end

function Scene:nearest(origin, direction)
  local best, shape
  self.rays = self.rays + 1
  for _, candidate in ipairs(self.shapes) do
    local distance = candidate:hit(origin, direction)
    if distance and (not best or distance < best) then
      best, shape = distance, candidate
    end
  end
  return best, shape
end

function Scene:brightness(point, normal)
  local to_light = self.light - point
  local distance = to_light:length()
  local direction = to_light:unit()
  local blocked = self:nearest(point + normal * 1e-3, direction)
  if blocked and blocked < distance then return 0.1 end
  return 0.1 + 0.9 * math.max(0, normal:dot(direction))
end

function Scene:trace(origin, direction, depth)
  local distance, shape = self:nearest(origin, direction)
  if not distance then
    return 0.3 + 0.2 * math.max(0, direction.y)
  end
  local point = origin + direction * distance
  local normal = shape:normal(point)
  local value = shape:colour_at(point) * self:brightness(point, normal)
  if shape.mirror > 0 and depth > 0 then
    local away = direction:mirrored(normal):unit()
    local seen = self:trace(point + normal * 1e-3, away, depth - 1)
    value = value * (1 - shape.mirror) + seen * shape.mirror
  end
  return value
end

-- ------------------------------------------------------------------------ picture

local SHADES = " .:-=+*#%@"

local function shade(value)
  local index = math.floor(value * #SHADES) + 1
  index = math.max(1, math.min(#SHADES, index))
  return SHADES:sub(index, index)
end

local function render(scene, width, height, samples)
  local eye = vector(0, 1.2, -5)
  local lines, sum = {}, 0
  for row = 0, height - 1 do
    local line = {}
    for column = 0, width - 1 do
      local value = 0
      for sample = 0, samples * samples - 1 do
        local dx = (sample % samples + 0.5) / samples
        local dy = (sample // samples + 0.5) / samples
        local x = ((column + dx) / width - 0.5) * 2.6
        local y = (0.5 - (row + dy) / height) * 1.6
        value = value + scene:trace(eye, vector(x, y, 2):unit(), 4)
      end
      value = value / samples ^ 2
      sum = sum + value
      line[#line + 1] = shade(value)
    end
    lines[#lines + 1] = table.concat(line)
  end
  return lines, sum
end

local scene = Scene.new({
  Sphere.new(vector(-1.3, 1.0, 0.5), 1.0, 0.9, 0.35),
  Sphere.new(vector(1.2, 0.7, -0.4), 0.7, 0.6, 0.1),
  Sphere.new(vector(0.2, 0.3, -1.6), 0.3, 1.0, 0.0),
  Sphere.new(vector(0.6, 2.2, 1.5), 0.6, 0.8, 0.6),
  Floor.new(0, 0.9, 0.25, 0.15),
}, vector(-4, 7, -5))

local lines, sum = render(scene, 72, 28, 2)
print(table.concat(lines, "\n"))
print(string.format("%d rays, mean brightness %.3f", scene.rays, sum / (72 * 28)))
