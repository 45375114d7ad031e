import { makeCharts, showCharts } from './charts.js';
import { connect } from './connection.js';
import { prepareCouponDialogs } from './coupon-dialogs.js';
import { showCoupons } from './coupons.js';
import { count, rate, setText, span } from './format.js';
import { prepareCouponForm, prepareTestSale } from './forms.js';
import { showLanes } from './lanes.js';
import { prepareDialogs } from './send-form.js';
import { showConnection, showStatus } from './status.js';
import { showSummary } from './summary.js';

const figure = (id, value, write) => setText(document.getElementById(id), value === undefined ? '–' : write(value));

const show = (state) => {
  const { coupons, answers, lanes, workers } = state;
  showStatus(state);
  if (coupons) showCoupons(coupons.shown, state.sale?.couponId);
  showSummary(state);
  figure(
    'rate',
    coupons?.shown.reduce((sum, { claimsPerSecond }) => sum + claimsPerSecond, 0),
    rate,
  );
  figure('p50', answers.p50Ms, span);
  figure('p99', answers.p99Ms, span);
  figure('waiting', answers.waiting, count);
  figure('workers', workers, count);
  document.getElementById('workers').classList.toggle('bad', workers === 0);
  showLanes(lanes);
  showCharts(state);
  document.getElementById('open-test').hidden = !state.testSales;
};

makeCharts();
prepareDialogs();
prepareCouponForm();
prepareCouponDialogs();
prepareTestSale();
connect({ onState: show, onConnection: showConnection });
