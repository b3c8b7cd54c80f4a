/* Numbers and truth values. */
#include "cf/cf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct __CFBoolean {
	struct bri_object base;
	bool value;
};

struct __CFNumber {
	struct bri_object base;
	CFNumberType type; /* SInt8 to Float64 */
	int64_t i;         /* of integer types */
	double d;          /* of float types */
};

static char *describe_boolean(const struct bri_object *obj)
{
	return strdup(((CFBooleanRef)(const void *)obj)->value ? "true" : "false");
}

static const struct bri_class boolean_class = {
	.name = "CFBoolean", .kind = BRI_KIND_CF_BOOLEAN, .describe = describe_boolean
};
static struct __CFBoolean the_true = { BRI_OBJECT_STATIC(&boolean_class), true };
static struct __CFBoolean the_false = { BRI_OBJECT_STATIC(&boolean_class), false };
const CFBooleanRef kCFBooleanTrue = &the_true;
const CFBooleanRef kCFBooleanFalse = &the_false;

CFTypeID CFBooleanGetTypeID(void)
{
	return BRI_KIND_CF_BOOLEAN;
}

Boolean CFBooleanGetValue(CFBooleanRef boolean)
{
	return bri_cf_check(boolean, BRI_KIND_CF_BOOLEAN, __func__) && boolean->value;
}

/* the type of fixed size; 0: there is no such type */
static CFNumberType fixed_type(CFNumberType type)
{
	switch (type) {
	case kCFNumberCharType: return kCFNumberSInt8Type;
	case kCFNumberShortType: return kCFNumberSInt16Type;
	case kCFNumberIntType: return kCFNumberSInt32Type;
	case kCFNumberLongType:
	case kCFNumberCFIndexType:
	case kCFNumberNSIntegerType:
		return sizeof(long) == 8 ? kCFNumberSInt64Type : kCFNumberSInt32Type;
	case kCFNumberLongLongType: return kCFNumberSInt64Type;
	case kCFNumberFloatType: return kCFNumberFloat32Type;
	case kCFNumberDoubleType:
	case kCFNumberCGFloatType: return kCFNumberFloat64Type;
	default: return type >= kCFNumberSInt8Type && type <= kCFNumberFloat64Type ? type : 0;
	}
}

static bool is_float(CFNumberType fixed)
{
	return fixed == kCFNumberFloat32Type || fixed == kCFNumberFloat64Type;
}

static size_t size_of(CFNumberType fixed)
{
	static const size_t sizes[] = { 0, 1, 2, 4, 8, 4, 8 };

	return sizes[fixed];
}

static double as_double(CFNumberRef n)
{
	return is_float(n->type) ? n->d : (double)n->i;
}

/* of numbers of any type: exact where both are integers */
static int order(CFNumberRef a, CFNumberRef b)
{
	double x, y;

	if (!is_float(a->type) && !is_float(b->type))
		return a->i < b->i ? -1 : a->i > b->i;
	x = as_double(a);
	y = as_double(b);
	return x < y ? -1 : x > y;
}

static bool equal(const struct bri_object *a, const struct bri_object *b)
{
	return order((CFNumberRef)(const void *)a, (CFNumberRef)(const void *)b) == 0;
}

static uintptr_t hash(const struct bri_object *obj)
{
	double d = as_double((CFNumberRef)(const void *)obj); /* 1 and 1.0 are equal */
	uint64_t bits;

	d = fpclassify(d) == FP_ZERO ? 0.0 : d; /* and so are 0.0 and -0.0 */
	memcpy(&bits, &d, sizeof(bits));
	return (uintptr_t)(bits ^ bits >> 32);
}

static char *describe(const struct bri_object *obj)
{
	CFNumberRef n = (CFNumberRef)(const void *)obj;
	char *text;
	int r = is_float(n->type) ? asprintf(&text, "%.17g", n->d)
				  : asprintf(&text, "%lld", (long long)n->i);

	return r < 0 ? NULL : text;
}

static void destroy(struct bri_object *obj)
{
	free(obj);
}

static const struct bri_class number_class = {
	.name = "CFNumber",
	.kind = BRI_KIND_CF_NUMBER,
	.destroy = destroy,
	.equal = equal,
	.hash = hash,
	.describe = describe,
};

CFTypeID CFNumberGetTypeID(void)
{
	return BRI_KIND_CF_NUMBER;
}

static int64_t load_integer(const void *p, size_t size)
{
	int8_t a;
	int16_t b;
	int32_t c;
	int64_t d;

	switch (size) {
	case 1: memcpy(&a, p, size); return a;
	case 2: memcpy(&b, p, size); return b;
	case 4: memcpy(&c, p, size); return c;
	default: memcpy(&d, p, size); return d;
	}
}

CFNumberRef CFNumberCreate(CFAllocatorRef allocator, CFNumberType theType, const void *valuePtr)
{
	CFNumberType type = fixed_type(theType);
	struct __CFNumber *n;
	float f;

	(void)allocator;
	if (!type || !valuePtr)
		return NULL;
	n = bri_object_new(&number_class, sizeof(*n));
	if (!n)
		return NULL;
	n->type = type;
	if (type == kCFNumberFloat32Type) {
		memcpy(&f, valuePtr, sizeof(f));
		n->d = (double)f;
	} else if (type == kCFNumberFloat64Type) {
		memcpy(&n->d, valuePtr, sizeof(n->d));
	} else {
		n->i = load_integer(valuePtr, size_of(type));
	}
	return n;
}

CFNumberType CFNumberGetType(CFNumberRef number)
{
	return bri_cf_check(number, BRI_KIND_CF_NUMBER, __func__) ? number->type : 0;
}

CFIndex CFNumberGetByteSize(CFNumberRef number)
{
	return bri_cf_check(number, BRI_KIND_CF_NUMBER, __func__) ? (CFIndex)size_of(number->type)
								  : 0;
}

Boolean CFNumberIsFloatType(CFNumberRef number)
{
	return bri_cf_check(number, BRI_KIND_CF_NUMBER, __func__) && is_float(number->type);
}

static bool store_float(CFNumberRef n, CFNumberType type, void *ret)
{
	double d = as_double(n);
	/* an integer survives when it is what comes back; 2^63 itself would overflow */
	bool exact = is_float(n->type) || (d < 0x1p63 && (int64_t)d == n->i);
	float f = (float)d;

	if (type == kCFNumberFloat64Type) {
		memcpy(ret, &d, sizeof(d));
		return exact;
	}
	memcpy(ret, &f, sizeof(f));
	return exact && (isnan(d) || !((double)f < d || (double)f > d));
}

/* the nearest integer towards zero; false: there was more to it */
static bool to_integer(CFNumberRef n, int64_t *ret)
{
	if (!is_float(n->type)) {
		*ret = n->i;
		return true;
	}
	if (isnan(n->d)) {
		*ret = 0;
		return false;
	}
	if (n->d >= 0x1p63 || n->d < -0x1p63) {
		*ret = n->d > 0 ? INT64_MAX : INT64_MIN;
		return false;
	}
	*ret = (int64_t)n->d;
	return !((double)*ret < n->d || (double)*ret > n->d);
}

Boolean CFNumberGetValue(CFNumberRef number, CFNumberType theType, void *valuePtr)
{
	CFNumberType type = fixed_type(theType);
	int64_t i;
	bool exact;

	if (!bri_cf_check(number, BRI_KIND_CF_NUMBER, __func__) || !type || !valuePtr)
		return false;
	if (is_float(type))
		return store_float(number, type, valuePtr);
	exact = to_integer(number, &i);
	switch (size_of(type)) {
	case 1: *(int8_t *)valuePtr = (int8_t)i; return exact && i == (int8_t)i;
	case 2: memcpy(valuePtr, &(int16_t) { (int16_t)i }, 2); return exact && i == (int16_t)i;
	case 4: memcpy(valuePtr, &(int32_t) { (int32_t)i }, 4); return exact && i == (int32_t)i;
	default: memcpy(valuePtr, &i, 8); return exact;
	}
}

CFComparisonResult CFNumberCompare(CFNumberRef number, CFNumberRef otherNumber, void *context)
{
	(void)context;
	if (!bri_cf_check(number, BRI_KIND_CF_NUMBER, __func__) ||
		!bri_cf_check(otherNumber, BRI_KIND_CF_NUMBER, __func__))
		return kCFCompareLessThan;
	return order(number, otherNumber);
}
