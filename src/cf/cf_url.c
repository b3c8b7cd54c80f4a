/* URLs: texts (RFC 3986), and those of files (RFC 8089). */
#include "cf/cf_url.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_PREFIX "file://"

struct __CFURL {
	struct bri_object base;
	CFStringRef text;
};

static void destroy(struct bri_object *obj)
{
	struct __CFURL *url = bri_container_of(obj, struct __CFURL, base);

	CFRelease(url->text);
	free(url);
}

static bool equal(const struct bri_object *a, const struct bri_object *b)
{
	return CFEqual(((CFURLRef)(const void *)a)->text, ((CFURLRef)(const void *)b)->text);
}

static uintptr_t hash(const struct bri_object *obj)
{
	return CFHash(((CFURLRef)(const void *)obj)->text);
}

static char *describe(const struct bri_object *obj)
{
	return bri_cf_describe(((CFURLRef)(const void *)obj)->text);
}

static const struct bri_class url_class = {
	.name = "CFURL",
	.kind = BRI_KIND_CF_URL,
	.destroy = destroy,
	.equal = equal,
	.hash = hash,
	.describe = describe,
};

/* takes text, also when it fails; NULL is passed through */
static CFURLRef new_url(CFStringRef text)
{
	struct __CFURL *url = text ? bri_object_new(&url_class, sizeof(*url)) : NULL;

	if (url)
		url->text = text;
	else
		CFRelease(text);
	return url;
}

/* RFC 3986 section 3.3: what a path may have unescaped, with the slash */
static bool is_path_char(uint8_t c)
{
	return isascii(c) && (isalnum(c) || (c && strchr("-._~!$&'()*+,;=:@/", c)));
}

static void put_escaped(FILE *out, const char *path, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (is_path_char((uint8_t)path[i]))
			fputc(path[i], out);
		else
			fprintf(out, "%%%02X", (uint8_t)path[i]);
	}
}

static CFURLRef finish(FILE *out, char **text, size_t *size, bool ok)
{
	CFURLRef url = NULL;

	if (fclose(out) == 0 && ok)
		url = new_url(bri_cf_string_new(*text, *size));
	free(*text);
	return url;
}

static CFURLRef url_of_path(const char *path, size_t size, bool is_directory)
{
	char cwd[PATH_MAX], *text = NULL;
	size_t text_size = 0;
	bool absolute = size > 0 && path[0] == '/', ok = true;
	FILE *out;

	if (size == 0 || size >= PATH_MAX || memchr(path, '\0', size))
		return NULL;
	out = open_memstream(&text, &text_size);
	if (!out)
		return NULL;
	fputs(FILE_PREFIX, out);
	if (!absolute) {
		ok = getcwd(cwd, sizeof(cwd)) != NULL;
		if (ok)
			put_escaped(out, cwd, strlen(cwd));
		fputc('/', out);
	}
	put_escaped(out, path, size);
	if (is_directory && path[size - 1] != '/')
		fputc('/', out);
	return finish(out, &text, &text_size, ok);
}

CFTypeID CFURLGetTypeID(void)
{
	return BRI_KIND_CF_URL;
}

CFURLRef CFURLCreateWithString(CFAllocatorRef allocator, CFStringRef URLString, CFURLRef baseURL)
{
	if (baseURL || !bri_cf_check(URLString, BRI_KIND_CF_STRING, __func__) ||
		URLString->size == 0)
		return NULL;
	for (size_t i = 0; i < URLString->size; i++) {
		uint8_t c = (uint8_t)URLString->text[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c))
			return NULL;
	}
	return new_url(CFStringCreateCopy(allocator, URLString));
}

CFURLRef CFURLCreateWithFileSystemPath(CFAllocatorRef allocator, CFStringRef filePath,
	CFURLPathStyle pathStyle, Boolean isDirectory)
{
	(void)allocator;
	if (!bri_cf_check(filePath, BRI_KIND_CF_STRING, __func__) ||
		pathStyle != kCFURLPOSIXPathStyle)
		return NULL;
	return url_of_path(filePath->text, filePath->size, isDirectory);
}

CFURLRef CFURLCreateFromFileSystemRepresentation(
	CFAllocatorRef allocator, const UInt8 *buffer, CFIndex bufLen, Boolean isDirectory)
{
	(void)allocator;
	if (!buffer || bufLen < 0)
		return NULL;
	return url_of_path((const char *)buffer, (size_t)bufLen, isDirectory);
}

CFURLRef CFURLCreateCopyAppendingPathComponent(
	CFAllocatorRef allocator, CFURLRef url, CFStringRef pathComponent, Boolean isDirectory)
{
	char *text = NULL;
	size_t size = 0, path;
	CFStringRef old;
	FILE *out;

	(void)allocator;
	if (!bri_cf_check(url, BRI_KIND_CF_URL, __func__) ||
		!bri_cf_check(pathComponent, BRI_KIND_CF_STRING, __func__))
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	old = url->text;
	path = strcspn(old->text, "?#"); /* RFC 3986 section 3: query and fragment stay behind */
	fwrite(old->text, 1, path, out);
	if (path == 0 || old->text[path - 1] != '/')
		fputc('/', out);
	put_escaped(out, pathComponent->text, pathComponent->size);
	if (isDirectory && !CFStringHasSuffix(pathComponent, CFSTR("/")))
		fputc('/', out);
	fwrite(old->text + path, 1, old->size - path, out);
	return finish(out, &text, &size, true);
}

CFStringRef CFURLGetString(CFURLRef anURL)
{
	return bri_cf_check(anURL, BRI_KIND_CF_URL, __func__) ? anURL->text : NULL;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* in place; false: a wrong escape, or an escaped NUL, which no path can have */
static bool unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		if (hex(from[1]) < 0 || hex(from[2]) < 0 || (from[1] == '0' && from[2] == '0'))
			return false;
		*to++ = (char)(hex(from[1]) << 4 | hex(from[2]));
		from += 2;
	}
	*to = '\0';
	return true;
}

char *bri_cf_url_path(CFURLRef url)
{
	const char *text = url->text->text, *path;
	char *copy;
	size_t n;

	if (strncasecmp(text, FILE_PREFIX, strlen(FILE_PREFIX)) != 0)
		return NULL;
	path = text + strlen(FILE_PREFIX);
	if (strncasecmp(path, "localhost/", 10) == 0) /* RFC 8089 section 2 */
		path += strlen("localhost");
	if (*path != '/')
		return NULL;
	copy = strndup(path, strcspn(path, "?#"));
	if (!copy || !unescape(copy)) {
		free(copy);
		return NULL;
	}
	n = strlen(copy);
	if (n > 1 && copy[n - 1] == '/')
		copy[n - 1] = '\0';
	return copy;
}

Boolean CFURLGetFileSystemRepresentation(
	CFURLRef url, Boolean resolveAgainstBase, UInt8 *buffer, CFIndex maxBufLen)
{
	char *path;
	bool fits;

	(void)resolveAgainstBase;
	if (!bri_cf_check(url, BRI_KIND_CF_URL, __func__) || !buffer || maxBufLen < 1)
		return false;
	path = bri_cf_url_path(url);
	fits = path && strlen(path) < (size_t)maxBufLen;
	if (fits)
		memcpy(buffer, path, strlen(path) + 1);
	free(path);
	return fits;
}

CFStringRef CFURLCopyFileSystemPath(CFURLRef anURL, CFURLPathStyle pathStyle)
{
	CFStringRef s;
	char *path;

	if (!bri_cf_check(anURL, BRI_KIND_CF_URL, __func__) || pathStyle != kCFURLPOSIXPathStyle)
		return NULL;
	path = bri_cf_url_path(anURL);
	s = path ? bri_cf_string_new(path, strlen(path)) : NULL;
	free(path);
	return s;
}
