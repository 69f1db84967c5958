-- The other end of the cycles: usage other.lua
function bakaGaijin.make(other) return { other = other } end
