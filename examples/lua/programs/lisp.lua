-- SPDX-License-Identifier: MIT
-- A Lisp: reader, printer, evaluator with closures, tail calls, macros and errors that a
-- Lisp program can catch; then programs in it. Pairs, environments and symbols are tables
-- that live for all kinds of times.

-- -------------------------------------------------------------------------- values

local NIL = setmetatable({}, {__tostring = function() return "()" end})
local Pair, Symbol, Closure = {}, {}, {}
local symbols = {}

local function symbol(name)
  local found = symbols[name]
  if not found then
    found = setmetatable({name = name}, Symbol)
    symbols[name] = found
  end
  return found
end

local function cons(head, tail) return setmetatable({head = head, tail = tail}, Pair) end
local function is_pair(value) return getmetatable(value) == Pair end
local function is_symbol(value) return getmetatable(value) == Symbol end

local function list_of(values, count, tail)
  local result = tail or NIL
  for i = count, 1, -1 do result = cons(values[i], result) end
  return result
end

local function list(...)
  return list_of({...}, select("#", ...))
end

local function each(value)
  return function()
    if value == NIL then return nil end
    local head = value.head
    value = value.tail
    return head
  end
end

local function show(value)
  if is_pair(value) then
    local parts = {}
    while is_pair(value) do
      parts[#parts + 1] = show(value.head)
      value = value.tail
    end
    if value ~= NIL then parts[#parts + 1] = ". " .. show(value) end
    return "(" .. table.concat(parts, " ") .. ")"
  elseif is_symbol(value) then
    return value.name
  elseif type(value) == "string" then
    return string.format("%q", value)
  elseif type(value) == "boolean" then
    return value and "#t" or "#f"
  elseif type(value) == "function" or getmetatable(value) == Closure then
    return "#<procedure>"
  end
  return tostring(value)
end

local function fail(...)
  error({lisp = table.concat({...}, " ")}, 0)
end

-- -------------------------------------------------------------------------- reader

local QUOTES = {["'"] = symbol "quote", ["`"] = symbol "quasiquote", [","] = symbol "unquote"}

local function tokens(text)
  local result = {}
  local at = 1
  while true do
    at = text:find("%S", at)
    if not at then return result end
    local token = text:match("^;[^\n]*", at) or text:match('^"[^"]*"', at)
      or text:match("^[()'`,]", at) or text:match("^[^%s()'`,;]+", at)
    if token:sub(1, 1) ~= ";" then result[#result + 1] = token end
    at = at + #token
  end
end

local function parse(text)
  local all, at = tokens(text), 0
  local function read()
    at = at + 1
    local token = all[at]
    if token == nil then fail("an expression without an end") end
    if token == "(" then
      local items, tail = {}, NIL
      while all[at + 1] ~= ")" do
        if all[at + 1] == nil then fail("a ( without )") end
        if all[at + 1] == "." then
          at = at + 1
          tail = read()
        else
          items[#items + 1] = read()
        end
      end
      at = at + 1
      return list_of(items, #items, tail)
    elseif token == ")" then
      fail("a ) without (")
    elseif QUOTES[token] then
      return list(QUOTES[token], read())
    elseif token == "#t" or token == "#f" then
      return token == "#t"
    elseif token:sub(1, 1) == '"' then
      return token:sub(2, -2)
    end
    return math.tointeger(tonumber(token)) or tonumber(token) or symbol(token)
  end
  return function()
    if at < #all then return read() end
  end
end

-- ----------------------------------------------------------------------- evaluator

local Scope = {}
Scope.__index = Scope

function Scope.new(outer) return setmetatable({outer = outer, values = {}}, Scope) end

function Scope:find(name)
  local scope = self
  while scope do
    if scope.values[name] ~= nil then return scope end
    scope = scope.outer
  end
  fail("unbound:", name.name)
end

local eval
local special = {}

local function bind(closure, arguments)
  local scope = Scope.new(closure.scope)
  local names = closure.parameters
  while is_pair(names) do
    if not is_pair(arguments) then fail("too few arguments") end
    scope.values[names.head] = arguments.head
    names, arguments = names.tail, arguments.tail
  end
  if is_symbol(names) then
    scope.values[names] = arguments
  elseif arguments ~= NIL then
    fail("too many arguments")
  end
  return scope
end

-- All but the last expression of a body; the last one is the caller's, as a tail call.
local function eval_body(body, scope)
  while body.tail ~= NIL do
    eval(body.head, scope)
    body = body.tail
  end
  return body.head
end

local function eval_arguments(arguments, scope)
  local values, count = {}, 0
  for argument in each(arguments) do
    count = count + 1
    values[count] = eval(argument, scope)
  end
  return values, count
end

local function apply(procedure, arguments)
  if type(procedure) == "function" then
    local values, count = {}, 0
    for argument in each(arguments) do
      count = count + 1
      values[count] = argument
    end
    return procedure(table.unpack(values, 1, count))
  end
  local scope = bind(procedure, arguments)
  return eval(eval_body(procedure.body, scope), scope)
end

function eval(form, scope)
  while true do
    if is_symbol(form) then return scope:find(form).values[form] end
    if not is_pair(form) then return form end
    local rule = is_symbol(form.head) and special[form.head.name]
    if rule then
      local value, next_form, next_scope = rule(form.tail, scope)
      if next_form == nil then return value end
      form, scope = next_form, next_scope
    else
      local procedure = eval(form.head, scope)
      if getmetatable(procedure) == Closure and procedure.is_macro then
        form = apply(procedure, form.tail)
      else
        local values, count = eval_arguments(form.tail, scope)
        if type(procedure) == "function" then return procedure(table.unpack(values, 1, count)) end
        if getmetatable(procedure) ~= Closure then fail("not a procedure:", show(procedure)) end
        scope = bind(procedure, list_of(values, count))
        form = eval_body(procedure.body, scope)
      end
    end
  end
end

local function quasi(form, scope)
  if not is_pair(form) then return form end
  if form.head == QUOTES[","] then return eval(form.tail.head, scope) end
  return cons(quasi(form.head, scope), quasi(form.tail, scope))
end

local function closure(parameters, body, scope, is_macro)
  return setmetatable({parameters = parameters, body = body, scope = scope, is_macro = is_macro}, Closure)
end

function special.quote(form) return form.head end
function special.quasiquote(form, scope) return quasi(form.head, scope) end
function special.lambda(form, scope) return closure(form.head, form.tail, scope) end

special["if"] = function(form, scope)
  if eval(form.head, scope) ~= false then return nil, form.tail.head, scope end
  if form.tail.tail == NIL then return NIL end
  return nil, form.tail.tail.head, scope
end

local function define(form, scope, is_macro)
  local name, value = form.head, nil
  if is_pair(name) then
    value = closure(name.tail, form.tail, scope, is_macro)
    name = name.head
  else
    value = eval(form.tail.head, scope)
  end
  scope.values[name] = value
  return name
end

function special.define(form, scope) return define(form, scope, false) end
special["define-macro"] = function(form, scope) return define(form, scope, true) end

special["set!"] = function(form, scope)
  local value = eval(form.tail.head, scope)
  scope:find(form.head).values[form.head] = value
  return value
end

function special.let(form, scope)
  local inner = Scope.new(scope)
  for binding in each(form.head) do
    inner.values[binding.head] = eval(binding.tail.head, scope)
  end
  return nil, eval_body(form.tail, inner), inner
end

special["try"] = function(form, scope)
  local good, value = pcall(eval, form.head, scope)
  if good then return value end
  return apply(eval(form.tail.head, scope), list(type(value) == "table" and value.lisp or tostring(value)))
end

-- ------------------------------------------------------------------------ builtins

local global = Scope.new(nil)

local function builtin(name, procedure) global.values[symbol(name)] = procedure end

local function numbers(what, ...)
  for i = 1, select("#", ...) do
    if type((select(i, ...))) ~= "number" then fail(what, "wants numbers, not", show((select(i, ...)))) end
  end
end

for name, step in pairs {
  ["+"] = function(a, b) return a + b end, ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end, ["quotient"] = function(a, b) return a // b end,
  ["remainder"] = function(a, b) return a % b end,
} do
  builtin(name, function(first, ...)
    numbers(name, first, ...)
    for i = 1, select("#", ...) do first = step(first, (select(i, ...))) end
    return first
  end)
end

builtin("<", function(a, b) numbers("<", a, b) return a < b end)
builtin("=", function(a, b) return a == b end)
builtin("cons", cons)
builtin("list", list)
builtin("null?", function(a) return a == NIL end)
builtin("pair?", is_pair)
builtin("car", function(a) if not is_pair(a) then fail("car of", show(a)) end return a.head end)
builtin("cdr", function(a) if not is_pair(a) then fail("cdr of", show(a)) end return a.tail end)
builtin("apply", apply)
builtin("display", function(...)
  local parts = {}
  for i = 1, select("#", ...) do
    local value = (select(i, ...))
    parts[i] = type(value) == "string" and value or show(value)
  end
  print(table.concat(parts, " "))
  return NIL
end)

-- ------------------------------------------------------------------------ programs

local function run(text)
  for form in parse(text) do eval(form, global) end
end

run [[
(define (not x) (if x #f #t))
(define (map f l) (if (null? l) '() (cons (f (car l)) (map f (cdr l)))))
(define (filter p l) (if (null? l) '() (if (p (car l)) (cons (car l) (filter p (cdr l))) (filter p (cdr l)))))
(define (fold f start l) (if (null? l) start (fold f (f start (car l)) (cdr l))))
(define (range from to) (if (< from to) (cons from (range (+ from 1) to)) '()))
(define (append a b) (if (null? a) b (cons (car a) (append (cdr a) b))))
(define (length l) (fold (lambda (n x) (+ n 1)) 0 l))
(define (reverse l) (fold (lambda (done x) (cons x done)) '() l))
(define-macro (when test . body) `(if ,test ,(cons 'let (cons '() body))))
(define-macro (while test . body)
  `(let ((loop '())) (set! loop (lambda () (when ,test ,(cons 'let (cons '() body)) (loop)))) (loop)))
]]

run [[
; Sorting, primes, queens.
(define (sort l less)
  (if (null? l) '()
    (let ((pivot (car l)) (rest (cdr l)))
      (append (sort (filter (lambda (x) (less x pivot)) rest) less)
              (cons pivot (sort (filter (lambda (x) (not (less x pivot))) rest) less))))))
(define (scramble n) (map (lambda (i) (remainder (* i 7919) 1009)) (range 1 n)))
(display "sorted" (sort (scramble 24) <))
(define (sum l) (fold + 0 l))
(display "sum" (sum (sort (scramble 150) <)))

(define (primes-below n)
  (define (sieve l) (if (null? l) '()
    (cons (car l) (sieve (filter (lambda (x) (not (= 0 (remainder x (car l))))) (cdr l))))))
  (sieve (range 2 n)))
(display "primes" (length (primes-below 300)) (reverse (primes-below 60)))

(define (safe? row others distance)
  (if (null? others) #t
    (if (= (car others) row) #f
      (if (= (car others) (+ row distance)) #f
        (if (= (car others) (- row distance)) #f (safe? row (cdr others) (+ distance 1)))))))
(define (queens size)
  (define (place column placed)
    (if (= column 0) 1
      (sum (map (lambda (row) (if (safe? row placed 1) (place (- column 1) (cons row placed)) 0))
                (range 0 size)))))
  (place size '()))
(display "queens" (map queens (range 1 6)))
]]

run [[
; State in closures, loops by macro, tail calls, errors.
(define (counter) (let ((n 0)) (lambda () (set! n (+ n 1)) n)))
(define a (counter))
(define b (counter))
(a) (a) (b)
(display "counters" (a) (b))
(define i 0)
(define total 0)
(while (< i 1500) (set! i (+ i 1)) (set! total (+ total (* i i))))
(display "loop" i total)
(define (count-down n) (if (= n 0) "done" (count-down (- n 1))))
(display "tail calls" (count-down 2000))
(display "caught" (try (car 5) (lambda (what) what)))
(display "caught" (try (+ 1 "a") (lambda (what) what)))
(display "caught" (try (unknown 1) (lambda (what) what)))
(display "caught" (try ((lambda (x) x)) (lambda (what) what)))
(define (ackermann m n)
  (if (= m 0) (+ n 1)
    (if (= n 0) (ackermann (- m 1) 1) (ackermann (- m 1) (ackermann m (- n 1))))))
(display "ackermann" (ackermann 2 5))
]]

-- A tree that is differentiated: symbolic rules over quoted lists.
run [[
(define (derive e x)
  (if (pair? e)
    (let ((op (car e)) (u (car (cdr e))) (v (car (cdr (cdr e)))))
      (if (= op '+) (list '+ (derive u x) (derive v x))
        (list '+ (list '* u (derive v x)) (list '* (derive u x) v))))
    (if (= e x) 1 0)))
(define (size e) (if (pair? e) (+ 1 (size (car e)) (size (cdr e))) 1))
(define (power n) (if (= n 1) 'x (list '* 'x (power (- n 1)))))
(display (derive '(+ (* x x) (* 3 x)) 'x))
(display "sizes" (map (lambda (n) (size (derive (power n) 'x))) (range 1 20)))
]]

local good, problem = pcall(run, "(display (car (cdr '(1 2))) (undefined))")
print(good, problem.lisp)
