// The page with an inspector, whose list is open in a browser.
import { get } from 'node:http';
import express from 'express';
import { inspector } from '../../../dist/inspector/index.js';
import { page } from './express-mashup.js';

export default (urls, config) => {
  const inspected = express().use('/_mashup', inspector({ allow: () => true }));
  let isOpen = false;
  const open = (req, _res, next) => {
    if (!isOpen && req.path === '/') {
      isOpen = true;
      get({ port: req.socket.localPort, path: '/?events', agent: false }, (events) => events.resume());
    }
    next();
  };
  const events = (req, res, next) => {
    if (req.url !== '/?events') return next();
    req.url = '/_mashup/events';
    inspected(req, res, next);
  };
  return [events, open, ...page(urls, { serverTiming: false, ...config.page }, config)];
};
