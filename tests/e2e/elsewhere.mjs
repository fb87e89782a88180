// Comes from another site, by a link, to a page that asks somebody who is signed in for a code, in a real Chromium.
// Browsers keep cookies with SameSite=Strict back all along the redirects of such a visit.
//
// Reads one JSON object from the environment variable VISIT:
//   server        "127.0.0.1:PORT" that answers for `origin`
//   origin        what the browser sees
//   name, password, code   the account, and a code for it
//   open, shut    paths that ask for the password, and for a code as well
//   tools         folder with node_modules
// Ends with status 0, or 1 and the reason on stderr.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import assert from 'node:assert/strict';

const visit = JSON.parse(process.env.VISIT);
const { chromium } = createRequire(join(visit.tools, 'package.json'))('playwright-core');

const ELSEWHERE = 'http://mail.example/';
const { host } = new URL(visit.origin);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  chromiumSandbox: process.getuid() !== 0,
  args: [`--host-resolver-rules=MAP ${host}:80 ${visit.server}`, '--disable-quic'],
});
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(30_000);
  const body = `<a id="link" href="${visit.origin}${visit.shut}">the report</a>`;
  await context.route(ELSEWHERE, (route) => route.fulfill({ contentType: 'text/html', body }));
  const page = await context.newPage();
  const send = () => Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);

  await page.goto(`${visit.origin}${visit.open}`);
  await page.fill('input[name=username]', visit.name);
  await page.fill('input[name=password]', visit.password);
  await send();
  assert.equal(page.url(), `${visit.origin}${visit.open}`);

  // More than once, as people do who are interrupted.
  for (let i = 0; i < 3; i += 1) {
    await page.goto(ELSEWHERE);
    await Promise.all([page.waitForNavigation(), page.click('#link')]);
    assert.equal(await page.locator('input[name=code]').count(), 1, page.url());
  }
  await page.click('text=backup code');
  for (const code of ['AAAA-AAAA-AAAA', visit.code]) {
    await page.fill('input[name=code]', code);
    await send();
  }
  assert.equal(page.url(), `${visit.origin}${visit.shut}`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await browser.close();
}
