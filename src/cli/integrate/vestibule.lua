-- Asks Vestibule whether a request may pass. Goes beside haproxy.cfg, which loads it and acts on what it
-- finds: txn.vestibule_status is the answer, "200" lets the request pass.

local CHECK = "http://@gate@@portal@/authz/auth-request"

-- What Vestibule says about who is there, and how haproxy.cfg calls it.
local IDENTITY = {
    ["@lower@"] = "txn.vestibule_@variable@",
}

-- What somebody reads who may not pass.
local CHALLENGE = {
    ["www-authenticate"] = "txn.vestibule_challenge",
    ["x-vestibule-redirect"] = "txn.vestibule_redirect",
}

-- What Vestibule judges by; never the body.
local ASKED_WITH = {
    "accept", "content-type", "cookie", "destination", "early-data", "origin", "sec-fetch-dest",
    "sec-fetch-mode", "user-agent", "x-forwarded-for", "x-forwarded-proto", "x-request-id",
}

local function values(lines)
    local all = {}
    for at = 0, #lines do
        all[#all + 1] = lines[at]
    end
    return all
end

-- The value of a header that stands there once.
local function only(headers, name)
    local lines = headers[name]
    if lines and lines[0] and not lines[1] then
        return lines[0]
    end
end

local function ask(txn)
    local received = txn.http:req_get_headers()
    local host, path = only(received, "host"), txn.sf:pathq()
    -- The client writes the host: nothing in it may end it, for the path follows in the same line.
    if not host or not host:match("^[%w%.%-_:%[%]]+$") or path:sub(1, 1) ~= "/" then
        return "403"
    end
    local headers = {
        ["x-original-method"] = { txn.sf:method() },
        ["x-original-url"] = { "https://" .. host .. path },
    }
    for _, name in ipairs(ASKED_WITH) do
        if received[name] then
            headers[name] = values(received[name])
        end
    end
    local answer = core.httpclient():get({ url = CHECK, headers = headers, timeout = 10000 })
    if not answer or not answer.status then
        return "503"
    end
    for name, variable in pairs(IDENTITY) do
        local value = answer.headers and only(answer.headers, name)
        if answer.status == 200 and not value then
            return "503"
        end
        txn:set_var(variable, value or "")
    end
    for name, variable in pairs(CHALLENGE) do
        local value = answer.headers and only(answer.headers, name)
        if value then
            txn:set_var(variable, value)
        end
    end
    return tostring(answer.status)
end

core.register_action("vestibule", { "http-req" }, function(txn)
    local fine, status = pcall(ask, txn)
    txn:set_var("txn.vestibule_status", fine and status or "503")
end)
