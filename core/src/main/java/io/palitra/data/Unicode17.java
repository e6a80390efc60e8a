package io.palitra.data;

/**
 * Letters and digits as Unicode 17 has them: the platform's tables are those of its version, and Java 17 knows Unicode 13 only. What later
 * versions added stands here.
 */
final class Unicode17 {
    /** First and last of each row of letters since Unicode 14. */
    private static final int[] LETTERS = {
        0x870, 0x887, 0x889, 0x88E, 0x8B5, 0x8B5, 0x8C8, 0x8C9, 0xC5D, 0xC5D, 0xCDD, 0xCDD, 0x170D, 0x170D, 0x171F, 0x171F,
        0x1B4C, 0x1B4C, 0x1C89, 0x1C8A, 0x2C2F, 0x2C2F, 0x2C5F, 0x2C5F, 0x9FFD, 0x9FFF, 0xA7C0, 0xA7C1, 0xA7CB, 0xA7CD, 0xA7D0,
        0xA7D1, 0xA7D3, 0xA7D3, 0xA7D5, 0xA7DC, 0xA7F2, 0xA7F4, 0x10570, 0x1057A, 0x1057C, 0x1058A, 0x1058C, 0x10592, 0x10594,
        0x10595, 0x10597, 0x105A1, 0x105A3, 0x105B1, 0x105B3, 0x105B9, 0x105BB, 0x105BC, 0x105C0, 0x105F3, 0x10780, 0x10785,
        0x10787, 0x107B0, 0x107B2, 0x107BA, 0x10D4A, 0x10D65, 0x10D6F, 0x10D85, 0x10EC2, 0x10EC4, 0x10F70, 0x10F81, 0x11071,
        0x11072, 0x11075, 0x11075, 0x1123F, 0x11240, 0x11380, 0x11389, 0x1138B, 0x1138B, 0x1138E, 0x1138E, 0x11390, 0x113B5,
        0x113B7, 0x113B7, 0x113D1, 0x113D1, 0x113D3, 0x113D3, 0x11740, 0x11746, 0x11AB0, 0x11ABF, 0x11BC0, 0x11BE0, 0x11F02,
        0x11F02, 0x11F04, 0x11F10, 0x11F12, 0x11F33, 0x12F90, 0x12FF0, 0x1342F, 0x1342F, 0x13441, 0x13446, 0x13460, 0x143FA,
        0x16100, 0x1611D, 0x16A70, 0x16ABE, 0x16D40, 0x16D6C, 0x18CFF, 0x18CFF, 0x1AFF0, 0x1AFF3, 0x1AFF5, 0x1AFFB, 0x1AFFD,
        0x1AFFE, 0x1B11F, 0x1B122, 0x1B132, 0x1B132, 0x1B155, 0x1B155, 0x1DF00, 0x1DF1E, 0x1DF25, 0x1DF2A, 0x1E030, 0x1E06D,
        0x1E290, 0x1E2AD, 0x1E4D0, 0x1E4EB, 0x1E5D0, 0x1E5ED, 0x1E5F0, 0x1E5F0, 0x1E7E0, 0x1E7E6, 0x1E7E8, 0x1E7EB, 0x1E7ED,
        0x1E7EE, 0x1E7F0, 0x1E7FE, 0x2A6DE, 0x2A6DF, 0x2B735, 0x2B739, 0x2EBF0, 0x2EE5D, 0x31350, 0x323AF};
    /** First and last of each row of digits and other numbers since Unicode 14. */
    private static final int[] DIGITS = {
        0x10D40, 0x10D49, 0x116D0, 0x116E3, 0x11BF0, 0x11BF9, 0x11F50, 0x11F59, 0x16130, 0x16139, 0x16AC0, 0x16AC9, 0x16D70,
        0x16D79, 0x1CCF0, 0x1CCF9, 0x1D2C0, 0x1D2D3, 0x1E4F0, 0x1E4F9, 0x1E5F1, 0x1E5FA};
    /** First, last and step of rows of capitals since Unicode 14, and the distance of their small letters. */
    private static final int[][] CAPITALS = {{0x1C89, 0x1C89, 1, 1}, {0x2C2F, 0x2C2F, 1, 0x30}, {0xA7C0, 0xA7C0, 1, 1},
        {0xA7CB, 0xA7CB, 1, 0x264 - 0xA7CB}, {0xA7CC, 0xA7DA, 2, 1}, {0xA7DC, 0xA7DC, 1, 0x19B - 0xA7DC}, {0x10570, 0x10595, 1, 0x27},
        {0x10D50, 0x10D65, 1, 0x20}, {0x16EA0, 0x16EB8, 1, 0x1B}};

    private Unicode17() {}

    static boolean letter(int c) { return Character.isLetter(c) || !Character.isDefined(c) && in(LETTERS, c); }

    static boolean digit(int c) {
        int type = Character.getType(c);
        return type == Character.DECIMAL_DIGIT_NUMBER || type == Character.LETTER_NUMBER || type == Character.OTHER_NUMBER
            || type == Character.UNASSIGNED && in(DIGITS, c);
    }

    /** The small letter of a capital; any other as it is. */
    static int lower(int c) {
        if (!Character.isDefined(c)) {
            for (int[] row : CAPITALS) if (c >= row[0] && c <= row[1] && (c - row[0]) % row[2] == 0) return c + row[3];
        }
        return Character.toLowerCase(c);
    }

    /** A composed text letter for letter in lower case: the last sigma of a word is as any. */
    static String lower(String composed) {
        StringBuilder lower = new StringBuilder(composed.length());
        composed.codePoints().forEach(c -> {
            if (c == 0x130) lower.append("i\u0307");   // the one letter that becomes two
            else lower.appendCodePoint(lower(c));
        });
        return lower.toString();
    }

    /** Unicode's White_Space. */
    static boolean space(int c) { return c >= 9 && c <= 13 || c == 0x85 || Character.isSpaceChar(c); }

    /** Neither letter nor digit nor space. */
    static boolean sign(int c) { return !space(c) && !letter(c) && !digit(c); }

    /** Half a character becomes the sign for what is none. */
    static String wellFormed(String text) {
        if (text.codePoints().noneMatch(c -> Character.getType(c) == Character.SURROGATE)) return text;
        StringBuilder whole = new StringBuilder(text.length());
        text.codePoints().forEach(c -> whole.appendCodePoint(Character.getType(c) == Character.SURROGATE ? 0xFFFD : c));
        return whole.toString();
    }

    private static boolean in(int[] rows, int c) {
        for (int i = 0; i < rows.length; i += 2) if (c >= rows[i] && c <= rows[i + 1]) return true;
        return false;
    }
}
