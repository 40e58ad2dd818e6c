import { createHash } from 'node:crypto';

/**
 * Fills what is late in browsers that do not do it themselves. A placeholder is a pair of comments to them, and a template that
 * fills it is complete when the `wbr` after it is there. Its text never changes, so that its hash can stand in a policy.
 */
export const filler =
  "(()=>{if('htmlFor'in HTMLTemplateElement.prototype)return;" +
  "const fill=t=>{const w=document.createTreeWalker(document,128),n='?start name=\"'+t.getAttribute('for')+'\"';" +
  'let c,s,d=0;while(c=w.nextNode()){if(!s){if(c.data===n)s=c}' +
  "else if(c.data.startsWith('?start '))d++;else if(c.data==='?end'&&!d--){" +
  'const r=document.createRange();r.setStartBefore(s);r.setEndAfter(c);r.deleteContents();r.insertNode(t.content);break}}t.remove()};' +
  'new MutationObserver(l=>{for(const m of l)for(const e of m.addedNodes){' +
  "const t=e.nodeName==='WBR'&&e.previousElementSibling;" +
  "if(t&&t.matches('template[for]')){fill(t);e.remove()}}}).observe(document,{childList:true,subtree:true})})()";

/** The filler's source for `script-src` of a Content-Security-Policy, in place of a nonce. */
export const fillerHash = `'sha256-${createHash('sha256').update(filler).digest('base64')}'`;
