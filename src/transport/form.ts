/** A form with files, or a file, as the body of a request, with its content type. */
export async function encodeForm(data: FormData | Blob): Promise<{ body: Buffer; contentType: string | null }> {
  const encoded = new Response(data);
  return { body: Buffer.from(await encoded.arrayBuffer()), contentType: encoded.headers.get('content-type') };
}
